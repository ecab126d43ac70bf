/** From what somebody chose to what is sent: smaller, turned the right way, without what cameras write into photos. */
import { FILE_BYTES_MAX, FILES_MAX, THUMBNAILS_BYTES_MAX, THUMBNAIL_BYTES_MAX, type NewFile } from '../core/api';
import { shownAs } from './kinds';
import { readPicture } from './picture';
import { readSound, readVideo } from './video';

export type Refusal = { name: string; why: 'tooLarge' | 'tooMany' | 'empty' };

/** Which of the chosen files can be sent beside `there` that were chosen before. */
export function choose(files: readonly File[], there: number): { taken: File[]; refused: Refusal[] } {
  const taken: File[] = [];
  const refused: Refusal[] = [];
  for (const file of files) {
    if (file.size === 0) refused.push({ name: file.name, why: 'empty' });
    else if (file.size > FILE_BYTES_MAX) refused.push({ name: file.name, why: 'tooLarge' });
    else if (there + taken.length >= FILES_MAX) refused.push({ name: file.name, why: 'tooMany' });
    else taken.push(file);
  }
  return { taken, refused };
}

/** Bytes for each thumbnail of a message with so many files. */
export function thumbnailShare(count: number): number {
  return Math.min(THUMBNAIL_BYTES_MAX, Math.floor(THUMBNAILS_BYTES_MAX / Math.max(1, count)));
}

/** What systems that do not know the type of a camera's pictures leave to the name. */
const CAMERA_NAMES = /\.(?:heic|heif|hif|tiff?|dng)$/i;

/** Is it shown in the conversation, or saved only? */
export function isMediaFile(file: File): boolean {
  const shown = shownAs(file.type);
  if (file.type === '' && CAMERA_NAMES.test(file.name)) return true;
  // Other pictures (BMP, TIFF in Safari) become JPEG if the browser can read them. SVG is a document.
  return shown === 'image' || shown === 'video' || (file.type.startsWith('image/') && !file.type.includes('svg'));
}

/**
 * The file as it is sent. `unchanged`: byte for byte, as a document. `thumbnailBytes` is the most for its preview. Undefined: a
 * picture that cannot be drawn anew here, so that it would tell where it was taken; it goes only if somebody wants it unchanged.
 */
export async function prepare(file: File, unchanged: boolean, thumbnailBytes: number): Promise<NewFile | undefined> {
  const plain: NewFile = { file, kind: 'file', name: file.name };
  const isPicture = isMediaFile(file) && shownAs(file.type) !== 'video';
  try {
    if (unchanged || !isMediaFile(file)) {
      if (!unchanged && shownAs(file.type) === 'audio') return { ...plain, ...(await readSound(file)) };
      return asDocument(plain);
    }
    if (isPicture) return { ...plain, kind: 'image', ...(await readPicture(file, thumbnailBytes)) };
    const { thumbnail, ...read } = await readVideo(file, thumbnailBytes);
    return { ...plain, kind: 'video', ...read, ...(thumbnail ? { thumbnail } : {}) };
  } catch {
    return isPicture ? undefined : asDocument(plain);
  }
}

/**
 * Others see by the media type what is a picture or a video, so a document that is to stay one is octets; its name still
 * says what it is.
 */
function asDocument(plain: NewFile): NewFile {
  return /^(?:image|video)\//.test(plain.file.type)
    ? { ...plain, file: new Blob([plain.file], { type: 'application/octet-stream' }) }
    : plain;
}
