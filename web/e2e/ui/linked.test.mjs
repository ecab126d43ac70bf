/** A group in which one of three people has two browsers: what happens at one is seen at all four. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';

let machine;
let ada;
let second;
let ben;
let cleo;
const all = () => [ada, second, ben, cleo].filter(Boolean);
const test = journey(all);
/** What has been said so far, in order. */
const said = [];

/** One after the other, so that there is one order. */
async function say(person, text) {
  await person.write(text);
  said.push(text);
  for (const other of all()) await other.reads(text);
}

async function allRead() {
  for (const person of all()) {
    let texts;
    await until('it stands in order', async () => {
      texts = await person.texts();
      return JSON.stringify(texts) === JSON.stringify(said);
    }).catch(() => assert.deepEqual(texts, said, `at ${person.device}`));
  }
}

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben, cleo] = await Promise.all(['Ada', 'Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada, ben, cleo].map((person) => person.register()));
  second = await ada.another('ada-2');
  await ada.group('Walkers', ['Ben', 'Cleo']);
  for (const person of [second, ben, cleo]) await person.open(/Walkers/);
});
after(() => machine?.end());

test('what each of them writes is read on all devices, in order', async () => {
  await say(ada, 'From the first browser');
  await say(second, 'From the second browser');
  await say(ben, 'From Ben');
  await say(cleo, 'From Cleo');
  await say(second, 'From the second browser again');
  await allRead();
  for (const person of [ben, cleo]) {
    // The name stands above the first of several in a row.
    assert.equal(await person.bubble('From Cleo').getByRole('button', { name: 'Ada' }).count(), 0);
    await person.bubble('second browser again').getByRole('button', { name: 'Ada' }).waitFor();
  }
});

test('what two people and both browsers write at the same time has one order', async () => {
  const before = said.length;
  const turns = all().flatMap((person) => [1, 2, 3].map((turn) => `${person.device} ${turn}.`));
  await Promise.all(
    all().map(async (person) => {
      for (const turn of [1, 2, 3]) await person.write(`${person.device} ${turn}.`);
    }),
  );
  for (const person of all()) for (const text of turns) await person.reads(text);
  // What waits stands last, until it is known what came before it.
  for (const person of all())
    await until('nothing waits', async () => (await person.page.getByRole('img', { name: 'waiting' }).count()) === 0);
  said.push(...(await ben.texts()).slice(before));
  assert.deepEqual(said.slice(before).sort(), turns.sort());
  await allRead();
});

test('a reaction given in one browser is seen everywhere, and taken back in the other', async () => {
  await second.bubble('From Ben').click({ button: 'right' });
  await second.page.getByRole('menuitemradio', { name: 'React with 👍' }).click();
  for (const person of [ben, cleo]) await person.page.getByRole('button', { name: '👍 by Ada' }).waitFor();
  for (const person of [ada, second]) await person.page.getByRole('button', { name: '👍 by You' }).waitFor();
  await ada.page.getByRole('button', { name: '👍 by You' }).click();
  for (const person of all()) await person.page.getByRole('button', { name: /^👍/u }).waitFor({ state: 'detached' });
});

test('what one browser wrote is edited and deleted in the other', async () => {
  await second.menu('From the first browser', 'Edit');
  await second.write('From whichever browser');
  said[0] = 'From whichever browser';
  for (const person of all()) await person.bubble('From whichever browser').getByText('edited').waitFor();
  await allRead();
  await ada.menu('second browser again', 'Delete for everyone');
  await ada.page.getByRole('button', { name: 'Delete for everyone' }).click();
  said[said.indexOf('From the second browser again')] = 'Message deleted';
  for (const person of all()) await person.reads('Message deleted');
  await allRead();
});

test('what was seen in one browser is not unread in the other', async () => {
  for (const person of [ada, second]) {
    await person.go('#/archive');
    await person.page.reload();
    await person.page.getByRole('heading', { name: 'Archive' }).waitFor();
    await person.go('#/');
  }
  await ben.write('One to read');
  await cleo.write('Two to read');
  for (const person of [ada, second]) await person.row(/Walkers.*2 unread messages/).waitFor();
  await second.row(/Walkers/).click();
  await second.reads('Two to read');
  await until('it is read here too', async () => (await ada.row(/unread/).count()) === 0);
  await ada.row(/Walkers.*Two to read/).waitFor();
  await cleo.menu('Two to read', 'Message info');
  const seen = cleo.dialog.locator('h3:has-text("Seen") + ul');
  await seen.getByText('Ada', { exact: true }).waitFor();
  await cleo.page.keyboard.press('Escape');
});

test('nothing went wrong meanwhile', async () => {
  for (const person of all()) await person.isWell();
});
