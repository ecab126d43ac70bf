/** What files are said to be, on their way in and out. */
import { shownType } from '../shown';

/** RFC 6838: type and subtype, then parameters. */
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/;

/** The type that a file from somebody is given out as, which is what decides whether a browser would run it. */
export function safeType(mediaType: string): string {
  return shownType(mediaType)?.[1] ?? 'application/octet-stream';
}

/** The type that others are told of a file from here. */
export function toldType(mediaType: string): string {
  const essence = (mediaType.split(';')[0] ?? '').trim().toLowerCase();
  return MEDIA_TYPE.test(essence) ? essence : 'application/octet-stream';
}
