/** The media types that browsers show without running anything of the file: one list for the worker, which opens files, and the page. */

export type Shown = 'image' | 'video' | 'audio';

/** SVG, HTML and PDF are programs of a kind: they are saved, not shown. */
const SHOWN: Record<string, [Shown, string]> = {
  'image/jpeg': ['image', 'image/jpeg'],
  'image/jpg': ['image', 'image/jpeg'],
  'image/png': ['image', 'image/png'],
  'image/webp': ['image', 'image/webp'],
  'image/gif': ['image', 'image/gif'],
  'image/avif': ['image', 'image/avif'],
  'video/mp4': ['video', 'video/mp4'],
  'video/webm': ['video', 'video/webm'],
  'audio/ogg': ['audio', 'audio/ogg'],
  'audio/opus': ['audio', 'audio/ogg'],
  'audio/mpeg': ['audio', 'audio/mpeg'],
  'audio/mp3': ['audio', 'audio/mpeg'],
  'audio/mp4': ['audio', 'audio/mp4'],
  'audio/x-m4a': ['audio', 'audio/mp4'],
  'audio/aac': ['audio', 'audio/aac'],
  'audio/webm': ['audio', 'audio/webm'],
  'audio/wav': ['audio', 'audio/wav'],
  'audio/x-wav': ['audio', 'audio/wav'],
  'audio/flac': ['audio', 'audio/flac'],
};

/** What a file of this type is shown as, and the type that it is given for that; undefined: it is only saved. */
export function shownType(mediaType: string): [Shown, string] | undefined {
  const name = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  return Object.hasOwn(SHOWN, name) ? SHOWN[name] : undefined;
}
