/**
 * What a page may draw or play by itself. The type of a file is what its sender says it is, so nothing else is ever shown,
 * and what is shown gets its type from this list and never from the message.
 */

import { shownType, type Shown } from '../core/shown';

/** How the page shows a file of this type; undefined: it only saves it. */
export function shownAs(mediaType: string): Shown | undefined {
  return shownType(mediaType)?.[0];
}

/** The bytes with a type that makes no browser run them: of the list, or plain octets. */
export function tamed(bytes: Blob, mediaType: string): Blob {
  return new Blob([bytes], { type: shownType(mediaType)?.[1] ?? 'application/octet-stream' });
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
