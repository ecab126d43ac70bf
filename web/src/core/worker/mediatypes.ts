/** Media types that browsers show without running anything of the file. A picture in SVG is a page, so it is none of them. */
const SAFE = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'image/avif',
  'image/bmp',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mpeg',
  'audio/mp4',
  'audio/aac',
  'audio/ogg',
  'audio/webm',
  'audio/wav',
  'audio/flac',
]);
/** RFC 6838: type and subtype, then parameters. */
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/;

/** The type that a file from somebody is given out as, which is what decides whether a browser would run it. */
export function safeType(mediaType: string): string {
  const essence = essenceOf(mediaType);
  return SAFE.has(essence) ? essence : 'application/octet-stream';
}

/** The type that others are told of a file from here. */
export function toldType(mediaType: string): string {
  const essence = essenceOf(mediaType);
  return MEDIA_TYPE.test(essence) ? essence : 'application/octet-stream';
}

function essenceOf(mediaType: string): string {
  return (mediaType.split(';')[0] ?? '').trim().toLowerCase();
}
