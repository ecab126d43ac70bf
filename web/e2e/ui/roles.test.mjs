/** Roles in a group: given, taken back and handed on by one, and what another may do follows at once. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { choose, journey, Person } from './app.mjs';

let machine;
let ada;
let ben;
let cleo;
const test = journey(() => [ada, ben, cleo]);
const member = (person, name) => person.details.getByRole('button', { name });
/** What admins have in the details of a group, and ordinary members do not. */
const OF_ADMINS = ['Edit name and description', 'Picture of the group', 'Add people', 'Make a link'];
const DELETE = 'Delete group for everyone';

/** Waits until these buttons are in the details, or none of them. */
async function has(person, names, are = true) {
  for (const name of names)
    await person.details
      .getByRole('button', { name: new RegExp(`^${name}`) })
      .waitFor({ state: are ? 'visible' : 'detached' });
}

/** What the menu of a member offers. */
async function offered(person, name) {
  await member(person, name).click();
  const items = person.page.getByRole('menuitem');
  await items.first().waitFor();
  const labels = await items.allTextContents();
  await person.page.keyboard.press('Escape');
  await items.first().waitFor({ state: 'detached' });
  return labels.map((label) => label.trim());
}

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben, cleo] = await Promise.all(['Ada', 'Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada, ben, cleo].map((person) => person.register()));
  await ada.group('Walkers', ['Ben', 'Cleo']);
  for (const person of [ada, ben, cleo]) {
    await person.open(/Walkers/);
    await person.page.getByRole('link', { name: /Walkers.*Details/ }).click();
    await member(person, /Ada|You/)
      .first()
      .waitFor();
  }
});
after(() => machine?.end());

test('who is an ordinary member manages nothing', async () => {
  await has(ada, [...OF_ADMINS, DELETE]);
  await member(ben, /Ada owner/).waitFor();
  await member(ben, 'You').waitFor();
  await has(ben, [...OF_ADMINS, DELETE], false);
  assert.deepEqual(await offered(ben, 'Cleo'), ['About this person']);
  const all = ['About this person', 'Make admin', 'Make owner', 'Remove', 'Ban'];
  assert.deepEqual(await offered(ada, 'Ben'), all);
});

test('who was made admin sees it at once, and manages the group', async () => {
  await choose(ada.page, member(ada, 'Ben'), 'Make admin');
  await ada.page.getByText('You made Ben admin').waitFor();
  await ben.page.getByText(/^Ada made you admin$/i).waitFor();
  await cleo.page.getByText('Ada made Ben admin').waitFor();
  await member(cleo, /Ben admin/).waitFor();
  await has(ben, OF_ADMINS);
  await has(ben, [DELETE], false);
  assert.deepEqual(await offered(ben, 'Cleo'), ['About this person', 'Remove', 'Ban']);
  assert.deepEqual(await offered(ben, /Ada owner/), ['About this person']);
  await ben.details.getByRole('button', { name: 'Edit name and description' }).click();
  await ben.details.getByLabel('Name of the group').fill('Early walkers');
  await ben.details.getByRole('button', { name: 'Save' }).click();
  await ada.page.getByText('Ben named the chat “Early walkers”').waitFor();
  await cleo.page.getByRole('heading', { name: 'Early walkers', level: 1 }).waitFor();
});

test('it is taken back, and with it what admins may do', async () => {
  await choose(ada.page, member(ada, /Ben admin/), 'Make an ordinary member');
  await ben.page.getByText(/^Ada made you member$/i).waitFor();
  await cleo.page.getByText('Ada made Ben member').waitFor();
  await has(ben, OF_ADMINS, false);
  assert.deepEqual(await offered(ben, 'Cleo'), ['About this person']);
  await member(cleo, 'Ben').waitFor();
  assert.equal(await member(cleo, /Ben admin/).count(), 0);
});

test('a group is handed on, and its first owner becomes an admin', async () => {
  await choose(ada.page, member(ada, 'Cleo'), 'Make owner');
  await cleo.page.getByText(/^Ada made you owner$/i).waitFor();
  await ben.page.getByText('Ada made Cleo owner').waitFor();
  await has(cleo, [...OF_ADMINS, DELETE]);
  await has(ada, OF_ADMINS);
  await has(ada, [DELETE], false);
  await member(ben, /Cleo owner/).waitFor();
  await member(ben, /Ada admin/).waitFor();
  assert.deepEqual(await offered(ada, /Cleo owner/), ['About this person']);
  const all = ['About this person', 'Make an ordinary member', 'Make owner', 'Remove', 'Ban'];
  assert.deepEqual(await offered(cleo, /Ada admin/), all);
});

test('roles are kept', async () => {
  for (const person of [ada, ben, cleo]) await person.page.reload();
  await has(cleo, [...OF_ADMINS, DELETE]);
  await has(ada, OF_ADMINS);
  await member(ben, /Cleo owner/).waitFor();
  await has(ben, [...OF_ADMINS, DELETE], false);
  await has(ada, [DELETE], false);
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben, cleo]) await person.isWell();
});
