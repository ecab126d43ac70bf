/** Reads QR codes with the camera. */

/** Frames that are looked at have no longer side: a code fills a good part of the picture. */
const SIDE_PX_MAX = 800;
/** Between two looks, so that a slow device has time to show the picture. */
const LOOK_EVERY_MS = 120;
/** Whoever has not found the code by then has gone elsewhere. */
const LOOK_MS_MAX = 2 * 60_000;

/**
 * Shows the camera in `video` until `take` says that a code was the one, until `left`, or for two minutes. True if one was taken.
 * It asks for the camera, so it is called on a click and never else; rejects as `getUserMedia` does.
 */
export async function scan(
  video: HTMLVideoElement,
  take: (text: string) => boolean,
  left: AbortSignal,
): Promise<boolean> {
  const { decodeQR } = await import('qr/decode.js');
  if (left.aborted) return false;
  const wanted = { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } };
  const stream = await navigator.mediaDevices.getUserMedia({ video: wanted });
  try {
    if (left.aborted) return false;
    video.srcObject = stream;
    await video.play();
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const deadline = performance.now() + LOOK_MS_MAX;
    while (context && !left.aborted && performance.now() < deadline) {
      const text = look(video, context, decodeQR);
      if (text !== undefined && take(text)) return true;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return false;
  } finally {
    video.srcObject = null;
    for (const track of stream.getTracks()) track.stop();
  }
}

/** What the code in the picture says; undefined where there is none that can be read. */
function look(
  video: HTMLVideoElement,
  context: CanvasRenderingContext2D,
  decode: (image: ImageData) => string,
): string | undefined {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0 || videoHeight === 0) return undefined;
  const scale = Math.min(1, SIDE_PX_MAX / Math.max(videoWidth, videoHeight));
  const [width, height] = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
  Object.assign(context.canvas, { width, height });
  context.drawImage(video, 0, 0, width, height);
  try {
    return decode(context.getImageData(0, 0, width, height));
  } catch {
    return undefined;
  }
}
