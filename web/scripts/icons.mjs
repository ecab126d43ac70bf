/** Draws public/icons from one drawing: `npm run icons`. The results are committed. */
import { mkdir, writeFile } from 'node:fs/promises';
import { launch } from '../tests/page/browser.mjs';

const FOLDER = new URL('../public/icons/', import.meta.url);

/** The bird of Logo.svelte on its ground. `share` is how much of the square it takes; maskable icons are cut at the edge. */
function icon(share, radius) {
  const size = 96 * share;
  const move = (96 - size) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">
  <rect width="96" height="96" rx="${radius}" fill="#16606b"/>
  <g transform="translate(${move} ${move - 2}) scale(${share})" fill="none" stroke-linecap="round" stroke-linejoin="round" stroke-width="3.4">
    BIRD
  </g>
</svg>
`;
}

const BIRD = `<path fill="#f0d9ca" d="M12 51c6-14 19-22 33-20 4-8 12-12 20-10 6 1.5 9 5 10.5 9.5C83 32 88 38 89 47c-4-7-9-10-15-10.5-1 13-9 25-25 27-13 1.6-21-2-27-8-3.5-1.4-7-2.5-10-4.5Z"/>
    <path fill="#0f3a41" d="M36 52c8 4 19 3 28-5-2 8-8 14.5-17 15.5-6 .8-10-1-13-4 1-2 1.5-4 2-6.5Z"/>
    <circle cx="66" cy="29.5" r="2.4" fill="#0f3a41"/>
    <path stroke="#f0d9ca" d="M44 63v14M52 62v15M44 77h5M52 77h5"/>
    <path stroke="#82ccd4" d="M8 84c7-4 13-4 20 0s13 4 20 0 13-4 20 0 13 4 20 0"/>`;

const rounded = icon(0.74, 22).replace('BIRD', BIRD);
const full = icon(0.6, 0).replace('BIRD', BIRD);

await mkdir(FOLDER, { recursive: true });
await writeFile(new URL('icon.svg', FOLDER), rounded);
const browser = await launch();
for (const [name, size, drawing] of [
  ['icon-180.png', 180, full],
  ['icon-192.png', 192, rounded],
  ['icon-512.png', 512, rounded],
  ['icon-maskable.png', 512, full],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:${size}px}</style>${drawing}`);
  await writeFile(new URL(name, FOLDER), await page.screenshot({ omitBackground: true }));
  await page.close();
}
await browser.close();
