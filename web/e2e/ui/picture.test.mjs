/** Pictures of groups and people, with the real core: who is to see them does, whoever comes later too, and they stay. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { drawing } from '../../tests/page/files.mjs';
import { choose, journey, Person, until } from './app.mjs';

let machine;
let ada;
let ben;
let cleo;
const test = journey(() => [ada, ben, cleo]);
const inDetails = (person) => person.details.locator('.avatar.xl img[src]');
const inRow = (person) => person.row(/Walkers/).locator('.avatar img[src]');
/** The colour in the middle of a picture. */
const colour = (image) =>
  image.evaluate(async (image) => {
    try {
      await image.decode();
    } catch {
      // Another one is being put in its place.
      return 'none';
    }
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.drawImage(image, 0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return red > 150 ? 'red' : green > 150 ? 'green' : blue > 150 ? 'blue' : 'none';
  });
const set = async (person, paint, button = person.details.getByRole('button', { name: 'Picture of the group' })) => {
  const buffer = await drawing(person.page, paint);
  const chooser = person.page.waitForEvent('filechooser');
  await choose(person.page, button, 'Choose picture');
  await (await chooser).setFiles([{ name: 'p.png', mimeType: 'image/png', buffer }]);
};
const own = async (person) => {
  await person.go('#/settings/profile');
  return person.page.getByRole('button', { name: 'Your picture' });
};
/** What one sees of somebody in the list of chats. */
const faceOf = (person, name) => person.row(name).locator('.avatar img[src]');
const is = (person, paint) =>
  until(`${person.name} sees ${paint}`, async () => (await colour(inRow(person).first())) === paint);

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben, cleo] = await Promise.all(['Ada', 'Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada, ben, cleo].map((person) => person.register()));
  await ada.go('#/group');
  await ada.page.getByLabel('Name of the group').fill('Walkers');
  await ada.page.getByRole('textbox', { name: 'Name, phone number' }).fill('ben@example.org');
  await ada.page.getByRole('button', { name: 'Find' }).click();
  await ada.page.getByRole('checkbox', { name: 'Ben' }).click();
  await ada.page.getByRole('button', { name: 'Create group' }).click();
  await ada.composer().waitFor();
  for (const person of [ada, ben]) {
    await person.open(/Walkers/);
    await person.page.getByRole('link', { name: /Walkers.*Details/ }).click();
  }
});
after(() => machine?.end());

test('Ada sets a picture, and Ben sees it', async () => {
  await set(ada, '#ff0000');
  for (const person of [ada, ben]) {
    await inDetails(person).waitFor();
    await until('it is red', async () => (await colour(inDetails(person))) === 'red');
    await is(person, 'red');
  }
  await ada.page.getByText('You changed the picture').waitFor();
  await ben.page.getByText('Ada changed the picture').waitFor();
  assert.equal(await ben.details.getByRole('button', { name: 'Picture of the group' }).count(), 0);
});

test('it is there after a reload, also without a connection', async () => {
  await ben.page.reload();
  await inDetails(ben).waitFor();
  await ben.context.setOffline(true);
  await ben.page.reload();
  await inDetails(ben).waitFor();
  await is(ben, 'red');
  await ben.context.setOffline(false);
});

test('who comes later sees it', async () => {
  await ada.details.getByRole('button', { name: 'Add people' }).click();
  await ada.dialog.getByRole('textbox', { name: 'Name, phone number' }).fill('cleo@example.org');
  await ada.dialog.getByRole('button', { name: 'Find' }).click();
  await ada.dialog.getByRole('checkbox', { name: 'Cleo' }).click();
  await ada.dialog.getByRole('button', { name: 'Add 1 person' }).click();
  await cleo.row(/Walkers/).waitFor();
  await is(cleo, 'red');
});

test('it is replaced, and removed', async () => {
  await set(ada, '#0000ff');
  for (const person of [ada, ben, cleo]) await is(person, 'blue');
  await choose(ada.page, ada.details.getByRole('button', { name: 'Picture of the group' }), 'Remove picture');
  for (const person of [ada, ben, cleo]) {
    await until(`${person.name} sees letters`, async () => (await inRow(person).count()) === 0);
  }
});

test('Ben sees what Ada looks like once she writes to him, wherever she is shown', async () => {
  await set(ada, '#00ff00', await own(ada));
  const profile = ada.page.locator('.side .avatar.xl img[src]');
  await until('she sees it herself', async () => (await colour(profile.first())) === 'green');
  await ada.open(/Walkers/);
  await ada.write('Who walks with me?');
  await ben.reads('Who walks with me?');
  const beside = ben.page.locator('ol li', { hasText: 'Who walks' }).locator('.face .avatar');
  assert.match(await beside.innerText(), /A/, 'her letter');
  assert.equal(await beside.locator('img').count(), 0, 'he was not written to');
  await ada.find('Ben');
  await ada.write('You, I hope');
  await ben.row(/^Ada/).waitFor();
  await until('he sees her', async () => (await colour(faceOf(ben, /^Ada/).first())) === 'green');
  await until('in the group too', async () => (await colour(beside.locator('img[src]').first())) === 'green');
  assert.equal(await faceOf(ada, /^Ben/).count(), 0);
  await ben.page.reload();
  await until('it stays', async () => (await colour(faceOf(ben, /^Ada/).first())) === 'green');
});

test('her new picture is told at once, and taken back', async () => {
  await set(ada, '#ff0000', await own(ada));
  await until('he sees the new one', async () => (await colour(faceOf(ben, /^Ada/).first())) === 'red');
  await choose(ada.page, await own(ada), 'Remove picture');
  await until('he sees letters', async () => (await faceOf(ben, /^Ada/).count()) === 0);
  await ben.open(/^Ada/);
  await ben.reads('You, I hope');
  assert.deepEqual(await ben.texts(), ['You, I hope'], 'nothing of it stands in the chat');
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben, cleo]) await person.isWell();
});
