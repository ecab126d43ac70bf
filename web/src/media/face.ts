/**
 * Pictures of chats. They are small enough to live in the message that sets them, and are shown wherever the chat is, so what comes
 * from others is looked at before a browser unpacks it.
 */
import { thumbnailType } from './kinds';

/** Pixels of the side, and quality, from the best on: the first that fits is sent. Shown are at most 96 of them, on dense screens twice that. */
const ATTEMPTS: readonly (readonly [side: number, quality: number])[] = [
  [256, 0.85],
  [256, 0.7],
  [192, 0.75],
  [192, 0.6],
  [192, 0.45],
  [160, 0.45],
  [128, 0.45],
  [96, 0.4],
  [64, 0.4],
  [32, 0.4],
];
/** Pixels of the longer side of one that is shown: a few bytes can be made to say that they are a gigabyte. */
const SIDE_MAX = 1024;

/** What is cut out of a picture: the square in its middle. */
export function middle(width: number, height: number): { x: number; y: number; side: number } {
  const side = Math.min(width, height);
  return { x: Math.floor((width - side) / 2), y: Math.floor((height - side) / 2), side };
}

/** The best of the attempts that has no more bytes than that. */
export async function fitting(
  encode: (side: number, quality: number) => Promise<Blob>,
  bytesMax: number,
): Promise<Blob | undefined> {
  for (const [side, quality] of ATTEMPTS) {
    const blob = await encode(side, quality);
    if (blob.size <= bytesMax) return blob;
  }
  return undefined;
}

/** The square in the middle, drawn anew. Rejects with a `Failure` when the browser cannot read it. */
export async function readFace(file: Blob, bytesMax: number): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw { code: 'noPicture', message: 'This browser cannot read the picture.' };
  });
  try {
    const blob = await fitting((side, quality) => drawn(bitmap, side, quality), bytesMax);
    if (!blob) throw { code: 'tooLarge', message: 'The picture does not get small enough.' };
    return new Uint8Array(await blob.arrayBuffer());
  } finally {
    bitmap.close();
  }
}

async function drawn(bitmap: ImageBitmap, sideMax: number, quality: number): Promise<Blob> {
  const cut = middle(bitmap.width, bitmap.height);
  const side = Math.min(sideMax, cut.side);
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('the browser gives no canvas');
  // Nothing shines through what is see-through.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, cut.x, cut.y, cut.side, cut.side, 0, 0, side, side);
  const blob = await canvas.convertToBlob({ type: 'image/webp', quality });
  return blob.type === 'image/webp' ? blob : canvas.convertToBlob({ type: 'image/jpeg', quality });
}

/** The picture, if it is one to show: JPEG or WebP by its first bytes, still, and not too large to unpack. */
export function shownFace(bytes: Uint8Array): Blob | undefined {
  const type = thumbnailType(bytes);
  const sides = type === 'image/webp' ? sidesOfWebp(bytes) : type && sidesOfJpeg(bytes);
  if (!type || !sides || Math.max(...sides) > SIDE_MAX || Math.min(...sides) < 1) return undefined;
  return new Blob([new Uint8Array(bytes)], { type });
}

type Sides = [width: number, height: number];

/** RFC 9649, section 2: of a simple file lossy (section 2.5) or lossless (2.6), or of an extended one (2.7). */
function sidesOfWebp(bytes: Uint8Array): Sides | undefined {
  const at = (place: number) => bytes[place] ?? 0;
  switch (new TextDecoder('latin1').decode(bytes.subarray(12, 16))) {
    case 'VP8 ':
      // Two bytes each, of which the upper two bits say how to scale it (RFC 6386, section 9.1).
      return [(at(26) | (at(27) << 8)) & 0x3fff, (at(28) | (at(29) << 8)) & 0x3fff];
    case 'VP8L': {
      const bits = at(21) | (at(22) << 8) | (at(23) << 16) | (at(24) << 24);
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    }
    case 'VP8X': {
      const moves = (at(20) & 0x02) !== 0;
      const three = (place: number) => (at(place) | (at(place + 1) << 8) | (at(place + 2) << 16)) + 1;
      return moves ? undefined : [three(24), three(27)];
    }
    default:
      return undefined;
  }
}

/** From the header of its frame (ITU-T T.81, section B.2.2), which comes before the picture itself. */
function sidesOfJpeg(bytes: Uint8Array): Sides | undefined {
  const two = (place: number) => ((bytes[place] ?? 0) << 8) | (bytes[place + 1] ?? 0);
  for (let at = 2; at + 9 <= bytes.length; at += 2 + two(at + 2)) {
    // Between segments any number of these may stand.
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1;
    const marker = bytes[at + 1] ?? 0;
    // Markers without a length, the end of the headers, and none at all.
    if (bytes[at] !== 0xff || marker < 0xc0 || (marker >= 0xd0 && marker <= 0xda)) return undefined;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [two(at + 7), two(at + 5)];
  }
  return undefined;
}
