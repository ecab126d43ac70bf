/** Three people in a group. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { choose, journey, Person, until } from './app.mjs';

let machine;
let ada;
let ben;
let cleo;
const test = journey(() => [ada, ben, cleo]);
const member = (person, name) => person.details.getByRole('button', { name });

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben, cleo] = await Promise.all(['Ada', 'Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada, ben, cleo].map((person) => person.register()));
});
after(() => machine?.end());

test('a group is made with somebody found by their address', async () => {
  const { page } = ada;
  await ada.go('#/group');
  await page.getByLabel('Name of the group').fill('Walkers');
  await page.getByRole('textbox', { name: 'Name, phone number' }).fill('ben@example.org');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByRole('checkbox', { name: 'Ben' }).click();
  await page.getByText('1 person chosen').waitFor();
  await page.getByRole('button', { name: 'Create group' }).click();
  await ada.composer().waitFor();
  await ada.write('Who comes on Sunday?');
  await ben.open(/Walkers/);
  await ben.reads('Who comes on Sunday?');
  await ben.bubble('Who comes').getByRole('button', { name: 'Ada' }).waitFor();
});

test('a member is mentioned', async () => {
  await ben.composer().pressSequentially('Ask @ad');
  await ben.page.getByRole('option', { name: 'Ada' }).waitFor();
  await ben.page.keyboard.press('Enter');
  assert.equal(await ben.composer().inputValue(), 'Ask @Ada ');
  await ben.page.keyboard.press('Enter');
  await ada.bubble('Ask').getByRole('button', { name: '@Ada' }).click();
  await ada.dialog.getByRole('heading', { name: 'Ada' }).waitFor();
  await ada.page.keyboard.press('Escape');
});

test('the group gets another name and a description', async () => {
  await ada.page.getByRole('link', { name: /Walkers.*Details/ }).click();
  await ada.details.getByRole('button', { name: 'Edit name and description' }).click();
  await ada.details.getByLabel('Name of the group').fill('Sunday walkers');
  await ada.details.getByLabel('Description').fill('Rain or shine');
  await ada.details.getByRole('button', { name: 'Save' }).click();
  await ben.row(/Sunday walkers/).waitFor();
  await ben.page.getByRole('link', { name: /Sunday walkers.*Details/ }).click();
  await ben.details.getByText('Rain or shine').waitFor();
});

test('somebody joins by a link, and nobody by one that was withdrawn', async () => {
  await ada.details.getByRole('button', { name: 'Make a link' }).click();
  await ada.details.getByRole('button', { name: 'Copy link' }).click();
  const address = await until('it is copied', () => ada.page.evaluate(() => navigator.clipboard.readText()));
  await cleo.go(new URL(address).hash);
  await cleo.page.getByRole('button', { name: 'Join', exact: true }).click();
  await cleo.page.getByRole('link', { name: /Sunday walkers.*Details/ }).waitFor();
  await cleo.write('Here I am');
  await ada.reads('Here I am');
  await ben.reads('Here I am');
  await ada.page.getByText('3 members').first().waitFor();
  await ada.details.getByRole('button', { name: 'Withdraw link' }).click();
  await ada.details.getByRole('button', { name: 'Make a link' }).waitFor();
});

test('roles are given, and what somebody may follows from them', async () => {
  await member(ada, /Ben/).click();
  await ada.page.getByRole('menuitem', { name: 'Make admin' }).click();
  await member(ada, /Ben admin/).waitFor();
  await member(ben, /Cleo/).click();
  await ben.page.getByRole('menuitem', { name: 'Remove', exact: true }).click();
  await ben.dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await cleo.page.getByText('You are not a member of this chat any more.').waitFor();
  await ben.write('Without Cleo');
  await ada.reads('Without Cleo');
  assert.equal(await cleo.bubble('Without Cleo').count(), 0);
});

test('somebody is added again, banned, and let in once more', async () => {
  await ada.details.getByRole('button', { name: 'Add people' }).click();
  await ada.dialog.getByRole('textbox', { name: 'Name, phone number' }).fill('cleo@example.org');
  await ada.dialog.getByRole('button', { name: 'Find' }).click();
  await ada.dialog.getByRole('checkbox', { name: 'Cleo' }).click();
  await ada.dialog.getByRole('button', { name: 'Add 1 person' }).click();
  await cleo.composer().waitFor();
  await cleo.write('Back again');
  await ada.reads('Back again');
  await choose(ada.page, member(ada, /Cleo/), 'Ban');
  await ada.dialog.getByRole('button', { name: 'Ban', exact: true }).click();
  await cleo.page.getByText('You are not a member of this chat any more.').waitFor();
  await ada.page.getByText('You banned Cleo').waitFor();
  await ada.details.getByRole('heading', { name: '1 banned person' }).waitFor();
  await ada.details.getByRole('button', { name: 'Unban Cleo' }).click();
  await ada.page.getByText('You lifted the ban on Cleo').waitFor();
  await until('nobody is banned', async () => (await ada.details.getByText('banned person').count()) === 0);
});

test('who is in one group is written to from there', async () => {
  await member(ben, /Ada/).click();
  await ben.page.getByRole('menuitem', { name: 'About this person' }).click();
  await ben.dialog.getByRole('button', { name: 'Write a message' }).click();
  await ben.page.getByRole('heading', { name: 'Ada', level: 1 }).waitFor();
  await ben.write('Only you');
  await ada.row(/Ben.*Only you/).waitFor();
});

test('somebody leaves, and the group is deleted for everyone', async () => {
  await ben.open(/Sunday walkers/);
  await ben.page.getByRole('link', { name: /Sunday walkers.*Details/ }).click();
  await ben.details.getByRole('button', { name: 'Leave group' }).click();
  await ben.dialog.getByRole('button', { name: 'Leave group' }).click();
  await ada.page.getByText('Ben left').waitFor();
  await ada.details.getByRole('button', { name: 'Delete group for everyone' }).click();
  await ada.dialog.getByRole('button', { name: 'Delete group for everyone' }).click();
  await until('it is not written in any more', async () => (await ada.composer().count()) === 0);
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben, cleo]) await person.isWell();
});
