/** Pictures before they are sent. Drawing them anew turns them as the camera was held and leaves out where and with what they were taken. */

/** Pixels of the longer side; more is for printing, and goes as a file. */
const SIDE_MAX = 2560;
const JPEG_QUALITY = 0.87;
const WEBP_QUALITY = 0.9;
/** Drawings and screenshots stay PNG up to this size. */
const PNG_BYTES_MAX = 3 * 1024 * 1024;
/** Preview of a picture, in pixels of the longer side: it is blurred anyway. */
const PREVIEW_SIDE = 72;

export interface ReadPicture {
  file: Blob;
  name: string;
  width: number;
  height: number;
  thumbnail: Uint8Array;
}

export async function readPicture(file: File, thumbnailBytes: number): Promise<ReadPicture> {
  const bitmap = await createImageBitmap(file);
  try {
    const { width, height } = fitted(bitmap.width, bitmap.height, SIDE_MAX);
    const thumbnail = await thumbnailOf(bitmap, bitmap.width, bitmap.height, PREVIEW_SIDE, thumbnailBytes);
    if (await moves(file)) return { file, name: file.name, width: bitmap.width, height: bitmap.height, thumbnail };
    const drawn = draw(bitmap, width, height);
    const sent = await encoded(drawn, file, bitmap.width === width);
    return { file: sent, name: renamed(file.name, sent.type), width, height, thumbnail };
  } finally {
    bitmap.close();
  }
}

/** The size within a square of `side`, at least one pixel each way. */
export function fitted(width: number, height: number, side: number): { width: number; height: number } {
  const scale = Math.min(1, side / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

function draw(source: CanvasImageSource, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('the browser gives no canvas');
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, 0, 0, width, height);
  return canvas;
}

async function encoded(canvas: OffscreenCanvas, from: File, isWhole: boolean): Promise<Blob> {
  if (from.type === 'image/png' && isWhole && from.size <= PNG_BYTES_MAX)
    return canvas.convertToBlob({ type: 'image/png' });
  // What may be see-through must not become black.
  if (from.type === 'image/png' || from.type === 'image/webp')
    return canvas.convertToBlob({ type: 'image/webp', quality: WEBP_QUALITY });
  return canvas.convertToBlob({ type: 'image/jpeg', quality: JPEG_QUALITY });
}

/** A small WebP (JPEG where the browser makes none), made smaller until it fits. */
export async function thumbnailOf(
  source: CanvasImageSource,
  width: number,
  height: number,
  side: number,
  bytesMax: number,
): Promise<Uint8Array> {
  for (let pixels = side, quality = 0.7; ; pixels = Math.round(pixels * 0.8), quality = Math.max(0.3, quality - 0.1)) {
    const size = fitted(width, height, pixels);
    const canvas = draw(source, size.width, size.height);
    let blob = await canvas.convertToBlob({ type: 'image/webp', quality });
    if (blob.type !== 'image/webp') blob = await canvas.convertToBlob({ type: 'image/jpeg', quality });
    if (blob.size <= bytesMax || pixels < 8) return new Uint8Array(await blob.arrayBuffer());
  }
}

/** Drawing would leave one picture of many: those that move are sent as they are. */
export async function moves(file: Blob): Promise<boolean> {
  if (file.type === 'image/gif') return true;
  const start = new Uint8Array(await file.slice(0, 64 * 1024).arrayBuffer());
  const text = new TextDecoder('latin1').decode(start);
  if (file.type === 'image/webp') return text.slice(12, 16) === 'VP8X' && ((start[20] ?? 0) & 0x02) !== 0;
  // An animated PNG says so before its first picture.
  const control = text.indexOf('acTL');
  return file.type === 'image/png' && control > 0 && control < text.indexOf('IDAT');
}

const ENDINGS: Record<string, string> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/webp': 'webp' };

function renamed(name: string, type: string): string {
  const end = ENDINGS[type];
  const stem = name.replace(/\.[^.]*$/, '');
  const isSame = end === 'jpg' ? /\.jpe?g$/i.test(name) : name.toLowerCase().endsWith(`.${end}`);
  return !end || isSame ? name : `${stem || name}.${end}`;
}
