/** Files once they are there: a voice as it is drawn and heard, all pictures and documents of a chat, and what harm they come to. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before } from 'node:test';
import { drawing } from '../../tests/page/files.mjs';
import { storedFile, tamper } from '../filepage.mjs';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';
import { attach, DOCUMENT, look, MICROPHONE, PICTURES, save, sendTray } from './media.mjs';

/** As `Sound.svelte` draws them: the loudest is as high as there is room. */
const BARS = 44;
const BAR_HEIGHT_MAX = 22;
const TAMPERED = 'This is not the file that was sent: somebody has changed it on the way. It is not shown.';

let machine;
let ada;
let ben;
const test = journey(() => [ada, ben]);

const picture = async (name, colour) => ({ name, mimeType: 'image/png', buffer: await drawing(ada.page, colour) });
const document = (name) => ({ name, mimeType: 'application/pdf', buffer: randomBytes(70_000) });
const send = async (way, file, caption) => {
  await attach(ada, way, [file]);
  await sendTray(ada, caption);
  await ada.status(caption, /delivered|seen/);
};

/** Tampers with what the server keeps of the file that was sent last; once more, and it is as before. */
const harm = () => tamper(storedFile(machine, machine.puts.at(-1).attachment));

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP, [], { isFronted: true });
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => Person.sit(machine, name, MICROPHONE)));
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('Files follow');
  await ben.open(/Ada/);
  await ben.reads('Files follow');
});
after(() => machine?.end());

test('a voice is drawn as it sounds, says how long it is, and plays to its end', async () => {
  await ben.page.getByRole('button', { name: 'Record a voice message' }).click();
  const timer = ben.page.getByRole('timer').getByText(/^0:0[2-9]$/);
  await timer.waitFor();
  await ben.page.getByRole('button', { name: 'Send voice message' }).click();
  const sound = ada.page.locator('.bubble .sound');
  await sound.waitFor();
  const bars = await drawn(sound);
  assert.equal(bars.length, BARS);
  // The microphone beeps, and is silent for longer.
  assert.equal(Math.max(...bars), BAR_HEIGHT_MAX);
  const loud = bars.filter((height) => height > BAR_HEIGHT_MAX / 2).length;
  assert.ok(loud >= 2 && loud < BARS / 2, bars.join());
  await until('it is drawn alike where it was said', async () => {
    const own = ben.page.locator('.bubble .sound');
    return (await own.count()) === 1 && (await drawn(own)).join() === bars.join();
  });
  const length = await sound.locator('.below').textContent();
  assert.match(length, /^0:0[2-9]$/);
  const place = sound.getByRole('slider', { name: 'Position' });
  assert.equal(await place.getAttribute('aria-valuetext'), `0:00 of ${length}`);
  await sound.getByRole('button', { name: 'Play voice message' }).click();
  await sound.getByRole('button', { name: 'Pause' }).waitFor();
  await until('it is heard', async () => /^0:0[1-9] of/.test(await place.getAttribute('aria-valuetext')));
  await sound.getByRole('button', { name: 'Play voice message' }).waitFor();
});

test('a picture that was changed in storage says so and is not shown, and comes once it is right', async () => {
  machine.holdsFiles = true;
  await send(PICTURES, await picture('low.png', '#00ff00'), 'Low water');
  const bubble = ben.bubble('Low water');
  await bubble.locator('img.blurred').waitFor();
  await until('it is asked for', () => machine.held.length > 0);
  harm();
  machine.release();
  await bubble.getByText(TAMPERED).waitFor();
  assert.equal(await bubble.locator('img.whole').count(), 0);
  // What it says stands in the middle of the picture.
  await bubble.getByRole('button', { name: 'Open picture' }).click({ position: { x: 12, y: 12 } });
  await ben.dialog.getByRole('alert').getByText(TAMPERED).waitFor();
  assert.equal(await ben.dialog.locator('img.whole').count(), 0);
  await ben.page.keyboard.press('Escape');
  harm();
  await bubble.getByRole('button', { name: 'Try again' }).click();
  assert.equal((await look(bubble.locator('img.whole'))).top, 'green');
});

test('a document that was changed in storage says so and is not given out', async () => {
  const file = document('Bearings.pdf');
  await send(DOCUMENT, file, 'The bearings');
  harm();
  const downloads = [];
  const note = (download) => downloads.push(download);
  ben.page.on('download', note);
  const bubble = ben.bubble('The bearings');
  const button = bubble.getByRole('button', { name: 'Save Bearings.pdf' });
  await button.click();
  await bubble.getByRole('alert').getByText(TAMPERED).waitFor();
  await ben.write('It is not what you sent');
  await ada.reads('It is not what you sent');
  assert.equal(downloads.length, 0);
  ben.page.off('download', note);
  harm();
  assert.ok((await save(ben, button)).bytes.equals(file.buffer));
  assert.equal(await bubble.getByRole('alert').count(), 0);
});

test('what is asked for at an address that is out of date comes all the same', async () => {
  const file = document('Tides.pdf');
  await send(DOCUMENT, file, 'The tides');
  machine.expired = 1;
  const saved = await save(ben, ben.bubble('The tides').getByRole('button', { name: 'Save Tides.pdf' }));
  assert.ok(saved.bytes.equals(file.buffer));
  assert.equal(machine.expired, 0, 'it was not asked for');
  machine.expired = 1;
  await send(PICTURES, await picture('high.png', '#0000ff'), 'High water');
  assert.equal((await look(ben.bubble('High water').locator('img.whole'))).top, 'blue');
  assert.equal(machine.expired, 0, 'it was not asked for');
});

test('all pictures and files of a chat are in one place, and lead to where they were sent', async () => {
  for (let number = 1; number <= 40; number += 1) await ada.write(`Line ${number}.`);
  await ben.reads('Line 40.');
  await ben.page.reload();
  await ben.reads('Line 40.');
  await ben.page.getByRole('link', { name: /Ada.*Details/ }).click();
  await ben.details.getByRole('link', { name: /Media and files.*5 files/ }).click();
  const tiles = ben.details.getByRole('tabpanel').getByRole('button', { name: /^Open picture: Ada, / });
  await until('both are there', async () => (await tiles.count()) === 2);
  const images = ben.details.getByRole('tabpanel').locator('img.whole');
  await until('both are drawn', async () => (await images.count()) === 2);
  assert.deepEqual([(await look(images.nth(0))).top, (await look(images.nth(1))).top], ['blue', 'green']);

  await tiles.nth(1).click();
  const inViewer = async (title) => (await look(ben.dialog.getByRole('img', { name: title }))).top;
  assert.equal(await inViewer('Picture 1 of 2'), 'green');
  await ben.dialog.getByText('Low water').waitFor();
  await ben.dialog.getByRole('button', { name: 'Later picture or video' }).click();
  assert.equal(await inViewer('Picture 2 of 2'), 'blue');
  await ben.dialog.getByText('High water').waitFor();
  await ben.page.keyboard.press('Escape');
  await ben.dialog.waitFor({ state: 'detached' });

  await ben.details.getByRole('tab', { name: 'Files' }).click();
  const files = ben.details.getByRole('tabpanel').getByRole('listitem');
  const names = (await files.allTextContents()).map((text) => /Tides|Bearings/.exec(text)?.[0] ?? 'voice');
  assert.deepEqual(names, ['Tides', 'Bearings', 'voice']);
  await files.nth(2).getByRole('button', { name: 'Play voice message' }).waitFor();
  await files
    .nth(2)
    .getByText(/^You, /)
    .waitFor();
  await save(ben, files.nth(0).getByRole('button', { name: 'Save Tides.pdf' }));
  await files.nth(1).getByRole('link', { name: 'Show in the chat' }).click();
  const shown = ben.page.locator('li.shown', { hasText: 'The bearings' });
  await shown.waitFor();
  await until('it is on the screen', () => isOnScreen(shown));
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben]) await person.isWell();
});

/** How high the bars of a voice are. */
async function drawn(sound) {
  const path = await sound.locator('.track path').first().getAttribute('d');
  return [...path.matchAll(/v([\d.]+)/g)].map(([, height]) => Number(height));
}

function isOnScreen(row) {
  return row.evaluate((row) => {
    const inner = row.getBoundingClientRect();
    const outer = row.closest('.scroller').getBoundingClientRect();
    return inner.top >= outer.top && inner.bottom <= outer.bottom;
  });
}
