/** Draws the pictures of the README, over sample people: `npm run build:dev && npm run pictures`. Look at them before they are kept. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, open, PHONE } from '../tests/page/browser.mjs';
import { serve } from '../tests/page/server.mjs';

const FOLDER = new URL('../../docs/', import.meta.url);
const BYTES_MAX = 150_000;
const QUALITY = 0.86;
const GAP = 24;

const server = await serve(fileURLToPath(new URL('../dist-dev', import.meta.url)));
const browser = await launch();

async function shot(hash, size, theme) {
  const { page, context, faults } = await open(browser, `${server.address}/${hash}`, {
    size,
    theme,
    touch: size === PHONE,
  });
  await page.waitForLoadState('networkidle');
  await page.evaluate(() => document.fonts.ready);
  await page.mouse.move(0, 0);
  const picture = await page.screenshot();
  await context.close();
  if (faults.length > 0) throw new Error(faults.join('; '));
  return `data:image/png;base64,${picture.toString('base64')}`;
}

/** Beside each other in one file, small enough for a page that many open. */
async function keep(name, shots) {
  const page = await browser.newPage();
  const drawn = await page.evaluate(
    async ([shots, gap, quality]) => {
      const pictures = await Promise.all(shots.map(async (url) => createImageBitmap(await (await fetch(url)).blob())));
      const width = pictures.reduce((sum, one) => sum + one.width + gap, -gap);
      const canvas = new OffscreenCanvas(width, Math.max(...pictures.map((one) => one.height)));
      const brush = canvas.getContext('2d');
      pictures.reduce((left, one) => (brush.drawImage(one, left, 0), left + one.width + gap), 0);
      const blob = await canvas.convertToBlob({ type: 'image/webp', quality });
      return [...new Uint8Array(await blob.arrayBuffer())];
    },
    [shots, GAP, QUALITY],
  );
  await page.close();
  if (drawn.length > BYTES_MAX) throw new Error(`${name} has ${drawn.length} bytes`);
  await writeFile(new URL(name, FOLDER), Buffer.from(drawn));
  console.log(name, drawn.length);
}

await keep('web-desktop.webp', [await shot('#/chat/chatwalk/details', DESKTOP, 'light')]);
await keep('web-phone.webp', [
  await shot('', PHONE, 'light'),
  await shot('#/chat/chatada', PHONE, 'dark'),
  await shot('#/chat/chatflat', PHONE, 'light'),
]);
await browser.close();
server.close();
