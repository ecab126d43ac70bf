/** The camera, which is a file of pictures here. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { encodeQR } from 'qr';
import { bench, memory } from './harness.mjs';

const LINK = `dunlin:link/1/${'a1b2c3d4'.repeat(18)}`;
const [WIDTH, HEIGHT, MODULE] = [640, 480, 6];
const directory = mkdtempSync(join(tmpdir(), 'dunlin-camera-'));
after(() => rmSync(directory, { recursive: true }));

/** A camera that sees a code, a little off the middle, in grey light. */
function camera(name, text) {
  const rows = encodeQR(text, 'raw', { border: 4 });
  const light = Buffer.alloc(WIDTH * HEIGHT, 150);
  rows.forEach((row, y) =>
    row.forEach((dark, x) => {
      for (let line = 0; line < MODULE; line += 1) {
        const at = (20 + y * MODULE + line) * WIDTH + 90 + x * MODULE;
        light.fill(dark ? 40 : 210, at, at + MODULE);
      }
    }),
  );
  const colour = Buffer.alloc((WIDTH * HEIGHT) / 2, 128);
  const file = join(directory, `${name}.y4m`);
  const frame = [Buffer.from('FRAME\n'), light, colour];
  writeFileSync(
    file,
    Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip C420\n`), ...frame, ...frame]),
  );
  return [`--use-file-for-fake-video-capture=${file}`];
}

const scanning = (page) => page.getByRole('button', { name: 'Scan the QR code with the camera' });

/** Opens the page on which devices are linked, and notes what the core is told and which cameras run. */
async function atLinking(page) {
  await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
  await memory(page, (core) => {
    window.scanned = [];
    core.scanLink = async (text) => void window.scanned.push(text);
    window.tracks = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
    location.hash = '#/settings/link';
  });
}
const running = (page) => page.evaluate(() => window.tracks.filter((track) => track.readyState === 'live').length);

describe('a camera that sees the code of another device', () => {
  const visit = bench(camera('link', LINK));

  test('links it, and is off after that', () =>
    visit('/', async (page) => {
      await atLinking(page);
      await scanning(page).click();
      await page.waitForFunction(() => window.scanned.length > 0);
      assert.deepEqual(await page.evaluate(() => window.scanned), [LINK]);
      await scanning(page).waitFor();
      assert.equal(await running(page), 0);
      assert.equal(await page.evaluate(() => window.tracks.length), 1);
      assert.equal(await page.getByLabel('Or paste the text').inputValue(), '');
    }));
});

describe('a camera that sees some other code', () => {
  const visit = bench(camera('other', 'https://example.org/menu'));

  test('says so, takes nothing, and is off when one goes elsewhere', () =>
    visit('/', async (page) => {
      await atLinking(page);
      await scanning(page).click();
      await page.getByText('That is the QR code of something else.').waitFor();
      assert.equal(await running(page), 1);
      await page.keyboard.press('Enter');
      await scanning(page).waitFor();
      await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
      await scanning(page).click();
      await page.getByText('That is the QR code of something else.').waitFor();
      await page.evaluate(() => (location.hash = '#/'));
      await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
      assert.deepEqual(await page.evaluate(() => window.scanned), []);
    }));
});
