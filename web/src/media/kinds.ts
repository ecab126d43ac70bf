/**
 * What a page may draw or play by itself. The type of a file is what its sender says it is, so nothing else is ever shown,
 * and what is shown gets its type from this list and never from the message.
 */

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

function entry(mediaType: string): [Shown, string] | undefined {
  const name = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  return Object.hasOwn(SHOWN, name) ? SHOWN[name] : undefined;
}

/** How the page shows a file of this type; undefined: it only saves it. */
export function shownAs(mediaType: string): Shown | undefined {
  return entry(mediaType)?.[0];
}

/** The bytes with a type that makes no browser run them: of the list, or plain octets. */
export function tamed(bytes: Blob, mediaType: string): Blob {
  return new Blob([bytes], { type: entry(mediaType)?.[1] ?? 'application/octet-stream' });
}

/** A preview is a JPEG or WebP image by its first bytes, whatever else is said of it. */
export function thumbnailType(bytes: Uint8Array): 'image/jpeg' | 'image/webp' | undefined {
  const says = (at: number, text: string) =>
    [...text].every((letter, index) => bytes[at + index] === letter.charCodeAt(0));
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg';
  return says(0, 'RIFF') && says(8, 'WEBP') ? 'image/webp' : undefined;
}

/** What stands on the sign of a document: its ending, if that is short and plain. */
export function ending(name: string): string {
  const found = /\.([a-z0-9]{1,5})$/i.exec(name);
  return found?.[1]?.toUpperCase() ?? '';
}
