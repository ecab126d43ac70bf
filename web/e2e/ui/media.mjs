/** Files in the app: chosen, dropped, pasted, looked at, saved. */
import { readFile } from 'node:fs/promises';
import { PATIENCE_MS } from '../machine.mjs';
import { choose, until } from './app.mjs';

/** Options of a browser whose microphone beeps, and where nobody is asked about it. */
export const MICROPHONE = {
  args: ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  permissions: ['clipboard-read', 'clipboard-write', 'microphone'],
};

export const PICTURES = 'Pictures and videos';
export const DOCUMENT = 'Document';

/** What was chosen and is not sent yet. */
export const tray = (person) => person.page.getByRole('dialog', { name: /^Send \d+ files?$/ });

/** Messages whose files are on their way. */
export const going = (person) => person.page.locator('li[data-key^=t]');

/** Chooses files by the button, one of the two ways. */
export async function attach(person, way, files) {
  const { page } = person;
  const chooser = page.waitForEvent('filechooser');
  await choose(page, page.getByRole('button', { name: 'Attach', exact: true }), way);
  await (await chooser).setFiles(files);
  await tray(person).waitFor();
}

/** Sends what is in the tray. */
export async function sendTray(person, caption = '') {
  await tray(person).getByRole('textbox', { name: 'Add a caption' }).fill(caption);
  await tray(person).getByRole('button', { name: 'Send', exact: true }).click();
  await tray(person).waitFor({ state: 'detached' });
}

/** Drags files from outside over the conversation; `drop` lets them go there. */
export async function drag(person, paths) {
  const { page } = person;
  const cdp = await page.context().newCDPSession(page);
  const { x, y, width, height } = await page.locator('.scroller').boundingBox();
  const at = { x: x + width / 2, y: y + height / 2, data: { items: [], files: paths, dragOperationsMask: 1 } };
  const go = (type) => cdp.send('Input.dispatchDragEvent', { type, ...at });
  await go('dragEnter');
  await go('dragOver');
  return {
    drop: async () => {
      await go('drop');
      await cdp.detach();
    },
  };
}

/** Copies a picture elsewhere and pastes it where the keyboard is. */
export async function pastePicture(person, bytes) {
  const { page } = person;
  await page.evaluate(
    async (bytes) => {
      const picture = new Blob([new Uint8Array(bytes)], { type: 'image/png' });
      await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
    },
    [...bytes],
  );
  await page.keyboard.press('Control+v');
}

/** What the browser saves after a click. */
export async function save(person, button) {
  await button.waitFor();
  const download = person.page.waitForEvent('download', { timeout: 3 * PATIENCE_MS });
  await button.click();
  const saved = await download;
  return { name: saved.suggestedFilename(), bytes: await readFile(await saved.path()) };
}

/** Waits until a picture has been decoded; its size and the colour of its top and bottom, as they are named in tests. */
export async function look(image) {
  await image.waitFor();
  const drawn = (image) => {
    const { complete, naturalWidth: width, naturalHeight: height } = image;
    if (!complete || width === 0) return undefined;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(image, 0, 0);
    const colour = (y) => {
      const [red, green, blue] = context.getImageData(width / 2, y, 1, 1).data;
      return red > green && red > blue ? 'red' : green > blue ? 'green' : 'blue';
    };
    return { width, height, top: colour(height / 10), bottom: colour((height * 9) / 10) };
  };
  return until('it is drawn', () => image.evaluate(drawn));
}

/** A second and a half of film, recorded in the page. */
export async function film(person) {
  const bytes = await person.page.evaluate(async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
    const context = canvas.getContext('2d');
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8' });
    const chunks = [];
    recorder.ondataavailable = ({ data }) => chunks.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    for (let frame = 0; frame < 36; frame += 1) {
      context.fillStyle = `hsl(${frame * 10} 80% 50%)`;
      context.fillRect(0, 0, 320, 240);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    recorder.stop();
    await stopped;
    return [...new Uint8Array(await new Blob(chunks).arrayBuffer())];
  });
  return Buffer.from(bytes);
}
