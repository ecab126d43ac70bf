/** Two people send each other pictures, films, voices and documents, through the app and a real server. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { drawing, photo } from '../../tests/page/files.mjs';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';
import * as media from './media.mjs';

const { attach, DOCUMENT, going, PICTURES, save, sendTray, tray } = media;
const MEGABYTE = 1024 * 1024;

let machine;
let ada;
let ben;
const test = journey(() => [ada, ben]);

/** A file on disk, of random bytes if none are given. */
function onDisk(name, content = randomBytes(70_000)) {
  const path = join(machine.directory, name);
  writeFileSync(path, content);
  return path;
}

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP, [], { isFronted: true });
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => Person.sit(machine, name, media.MICROPHONE)));
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('Files follow');
  await ben.open(/Ada/);
  await ben.reads('Files follow');
});
after(() => machine?.end());

test('a picture with a caption is seen blurred, then whole, and in the viewer', async () => {
  const picture = { name: 'IMG_1.JPG', mimeType: 'image/jpeg', buffer: await photo(ada.page) };
  machine.holdsFiles = true;
  await attach(ada, PICTURES, [picture]);
  await sendTray(ada, 'The *tide* comes in');
  const bubble = ben.bubble('The tide comes in');
  const preview = await media.look(bubble.locator('img.blurred'));
  assert.ok(preview.width < 100 && preview.top === 'blue', JSON.stringify(preview));
  assert.equal(await bubble.locator('img.whole').count(), 0);
  machine.release();
  // As it was held, and not as it lies in the file.
  const whole = { width: 800, height: 1200, top: 'blue', bottom: 'red' };
  assert.deepEqual(await media.look(bubble.locator('img.whole')), whole);
  await ada.status('The tide comes in', 'seen');

  await bubble.getByRole('button', { name: 'Open picture' }).click();
  assert.deepEqual(await media.look(ben.dialog.getByRole('img', { name: 'Picture 1 of 1' })), whole);
  await ben.dialog.getByText('The tide comes in').waitFor();
  await ben.page.keyboard.press('Escape');
  await ben.dialog.waitFor({ state: 'detached' });
});

test('several pictures are one album', async () => {
  const draw = async (name, colour) => ({ name, mimeType: 'image/png', buffer: await drawing(ada.page, colour) });
  const colours = ['#ff0000', '#00ff00', '#0000ff', '#00ff00', '#ff0000'];
  await attach(ada, PICTURES, await Promise.all(colours.map((colour, index) => draw(`${index}.png`, colour))));
  await sendTray(ada, 'Five of them');
  const tiles = ben.bubble('Five of them').locator('img.whole');
  await until('all that are shown are there', async () => (await tiles.count()) === 4);
  const tops = await Promise.all([0, 1, 2, 3].map(async (index) => (await media.look(tiles.nth(index))).top));
  assert.deepEqual(tops, ['red', 'green', 'blue', 'green']);
  await ben.bubble('Five of them').getByText('+1').waitFor();
  await ben.bubble('Five of them').getByRole('button', { name: 'Open picture 4 of 5' }).click();
  await ben.dialog.getByRole('img', { name: 'Picture 5 of 6' }).waitFor();
  await ben.page.keyboard.press('ArrowRight');
  assert.equal((await media.look(ben.dialog.getByRole('img', { name: 'Picture 6 of 6' }))).top, 'red');
  await ben.page.keyboard.press('Escape');
  await ben.dialog.waitFor({ state: 'detached' });
});

test('files are dropped and pasted', async () => {
  const path = onDisk('route.gpx');
  const dragged = await media.drag(ada, [path]);
  await ada.page.getByText('Drop files here to send them to Ben').waitFor();
  await dragged.drop();
  await tray(ada).getByRole('button', { name: 'Remove route.gpx' }).waitFor();
  await tray(ada).getByRole('textbox', { name: 'Add a caption' }).focus();
  await media.pastePicture(ada, await drawing(ada.page, '#00ff00'));
  await tray(ada).getByRole('heading', { name: 'Send 2 files' }).waitFor();
  await sendTray(ada, 'By hand');
  const bubble = ben.bubble('By hand');
  assert.equal((await media.look(bubble.locator('img.whole'))).top, 'green');
  const { bytes } = await save(ben, bubble.getByRole('button', { name: 'Save route.gpx' }));
  assert.ok(bytes.equals(readFileSync(path)));
});

test('a document is saved as it was', async () => {
  const path = onDisk('Tide tables 2026.pdf', randomBytes(MEGABYTE));
  await attach(ada, DOCUMENT, [path]);
  await sendTray(ada);
  const saved = await save(ben, ben.page.getByRole('button', { name: 'Save Tide tables 2026.pdf' }));
  assert.equal(saved.name, 'Tide tables 2026.pdf');
  assert.ok(saved.bytes.equals(readFileSync(path)));
});

test('what could run is saved and nothing else', async () => {
  const program = 'globalThis.ran = true; alert(1)';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="${program}"><script>${program}</script></svg>`;
  const html = `<!doctype html><body onload="${program}"><script>${program}</script>`;
  const files = { 'sea.svg': svg, 'shore.html': html };
  await attach(
    ada,
    PICTURES,
    Object.entries(files).map(([name, content]) => onDisk(name, content)),
  );
  await sendTray(ada, 'Harmless');
  const bubble = ben.bubble('Harmless');
  for (const [name, content] of Object.entries(files)) {
    const saved = await save(ben, bubble.getByRole('button', { name: `Save ${name}` }));
    assert.deepEqual([saved.name, saved.bytes.toString()], [name, content]);
  }
  for (const person of [ada, ben]) {
    const shown = person.bubble('Harmless').locator('img, video, iframe, object, embed, .tile');
    assert.equal(await shown.count(), 0);
    assert.equal(await person.page.evaluate(() => globalThis.ran), undefined);
    assert.equal(person.context.pages().filter((page) => page.url() !== 'about:blank').length, 1);
  }
});

test('a film plays', async () => {
  await attach(ada, PICTURES, [{ name: 'waves.webm', mimeType: 'video/webm', buffer: await media.film(ada) }]);
  await sendTray(ada, 'Waves');
  await ben.bubble('Waves').getByRole('button', { name: 'Play video' }).click();
  const player = ben.dialog.locator('video');
  await player.waitFor();
  await until('it plays', () => player.evaluate((video) => video.videoWidth === 320 && video.currentTime > 0.5));
  await ben.page.keyboard.press('Escape');
  await ben.dialog.waitFor({ state: 'detached' });
});

test('a voice is recorded and heard', async () => {
  await ada.page.getByRole('button', { name: 'Record a voice message' }).click();
  await ada.page
    .getByRole('timer')
    .getByText(/^0:0[3-9]$/)
    .waitFor();
  await ada.page.getByRole('button', { name: 'Send voice message' }).click();
  const play = ben.page.getByRole('button', { name: 'Play voice message' });
  await play.click();
  await ben.page.getByRole('button', { name: 'Pause' }).waitFor();
  const place = ben.page.getByRole('slider', { name: 'Position' });
  await until('it is heard', async () => /^0:0[1-9] of 0:0\d$/.test(await place.getAttribute('aria-valuetext')));
  await play.waitFor();
});

test('an upload shows how far it is, and one that is stopped is not sent', async () => {
  machine.hold(1);
  await attach(ada, DOCUMENT, [onDisk('never.bin', randomBytes(20 * MEGABYTE))]);
  await sendTray(ada);
  const bar = going(ada).getByRole('progressbar');
  const share = async () => Number(await bar.getAttribute('aria-valuenow'));
  await until('a part is there', async () => (await share()) >= 38);
  assert.ok((await share()) < 100);
  await going(ada).getByText('of 21 MB').waitFor();
  await going(ada).getByRole('button', { name: 'Stop sending' }).click();
  await going(ada).waitFor({ state: 'detached' });
  machine.release();
  await ada.write('Never mind');
  await ben.reads('Never mind');
  await ada.page.reload();
  await ada.reads('Never mind');
  for (const person of [ada, ben]) assert.equal(await person.bubble('never.bin').count(), 0);
  assert.equal(await going(ada).count(), 0);
});

test('an upload that broke off goes on when the server is back', async () => {
  const path = onDisk('survey.bin', randomBytes(20 * MEGABYTE));
  machine.hold(1);
  const before = machine.puts.length;
  await attach(ada, DOCUMENT, [path]);
  await sendTray(ada, 'The survey');
  await until('a part is there', () => machine.puts.slice(before).some(({ status }) => status === 204));
  await machine.kill();
  machine.release();
  await going(ada).getByText('No connection. It is loaded or sent as soon as there is one.').waitFor();
  await going(ada).getByRole('button', { name: 'Try again' }).click();
  await going(ada).getByText('No connection. It is loaded or sent as soon as there is one.').waitFor();
  await machine.serve();
  const { bytes } = await save(ben, ben.bubble('The survey').getByRole('button', { name: 'Save survey.bin' }));
  assert.ok(bytes.equals(readFileSync(path)));
  await going(ada).waitFor({ state: 'detached' });
  for (const person of [ada, ben]) assert.equal(await person.bubble('The survey').count(), 1);
});

test('an upload that was refused says why, and goes when it is tried again', async () => {
  const path = onDisk('map.bin', randomBytes(2 * MEGABYTE));
  const restart = async (most) => {
    await machine.kill();
    machine.variables = most ? { DUNLIN_ATTACHMENTS__BYTES_MAX: most } : {};
    await machine.serve();
    // Both are back when one reads what the other writes.
    await ada.write(`At most ${most ?? 'as much as before'}`);
    await ben.reads(`At most ${most ?? 'as much as before'}`);
  };
  await restart('1000000');
  await attach(ada, DOCUMENT, [path]);
  await sendTray(ada, 'The map');
  await going(ada).getByText('The file is too large.').waitFor();
  await restart();
  await going(ada).getByRole('button', { name: 'Try again' }).click();
  const { bytes } = await save(ben, ben.bubble('The map').getByRole('button', { name: 'Save map.bin' }));
  assert.ok(bytes.equals(readFileSync(path)));
  assert.equal(await ben.bubble('The map').count(), 1);
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben]) await person.isWell();
});
