/** The picture of a group, with the real core: who is in it sees it, whoever comes later too, and it stays. */
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
const set = async (person, paint) => {
  const buffer = await drawing(person.page, paint);
  const chooser = person.page.waitForEvent('filechooser');
  await choose(person.page, person.details.getByRole('button', { name: 'Picture of the group' }), 'Choose picture');
  await (await chooser).setFiles([{ name: 'p.png', mimeType: 'image/png', buffer }]);
};
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

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben, cleo]) await person.isWell();
});
