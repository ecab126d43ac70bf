/** Days and times of others: what is said above messages and beside names, and what somebody may hide. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';

const MINUTE_MS = 60_000;

let machine;
let ada;
let ben;
const test = journey(() => [ada]);
const header = (person) => person.page.locator('.middle header').first();
const sit = (name) => Person.sit(machine, name);
/** As the app says it to somebody in Berlin. */
const clock = (time) =>
  new Intl.DateTimeFormat('en-GB', { hour: 'numeric', minute: '2-digit', timeZone: 'Europe/Berlin' }).format(time);

/** Waits until the open chat says nothing below the name. */
const saysNothing = (person) =>
  until('nothing is said', async () => (await header(person).locator('.below').count()) === 0);

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP, [], {
    prepare: (machine) => (machine.variables = { DUNLIN_DELIVERY__OFFLINE_AFTER_SECONDS: '1' }),
  });
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map(sit));
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('Good morning');
  await ben.open(/Ada/);
  await ben.reads('Good morning');
});
after(() => machine?.end());

test('a day stands above its first message', async () => {
  await ben.write('And to you');
  await ada.reads('And to you');
  for (const person of [ada, ben]) {
    const rows = await person.page.locator('ol li').evaluateAll((rows) => rows.map((row) => row.textContent.trim()));
    assert.deepEqual(
      rows.map((row) => row === 'Today'),
      rows.map((_, index) => index === 0),
      rows.join(' | '),
    );
  }
});

test('who has gone was online just now, and later it is said when', async () => {
  await header(ada).getByText('online', { exact: true }).waitFor();
  const from = Date.now();
  await ben.isWell();
  await ben.context.close();
  await header(ada).getByText('online just now').waitFor();
  const to = Date.now();
  await ada.page.clock.setFixedTime(to + 10 * MINUTE_MS);
  await ada.page.reload();
  const told = header(ada).getByText(/last seen (today|yesterday) at/);
  await told.waitFor();
  const [time] = /\d+:\d+$/.exec((await told.textContent()).trim());
  assert.ok([from, to].map(clock).includes(time), `${time}, and it was ${clock(from)}`);
  await ada.page.clock.setFixedTime(to + 24 * 60 * MINUTE_MS);
  await ada.page.reload();
  await header(ada).getByText(`last seen yesterday at ${time}`).waitFor();
  await ada.page.getByRole('listitem').getByText('Yesterday').waitFor();
  assert.equal(await ada.page.getByText('Today', { exact: true }).count(), 0);
  await ada.isWell();
  // The clock of this page is another one for good.
  await ada.page.close();
  ada.page = await ada.tab();
  await ada.open(/Ben/);
});

test('who hides it from all is online or not, and no more is said', async () => {
  ben = await sit('Ben');
  await header(ada).getByText('online', { exact: true }).waitFor();
  await ben.go('#/settings/privacy');
  await ben.page.getByRole('radio', { name: 'Nobody' }).check();
  await ben.page.getByText('Saved').first().waitFor();
  await header(ada).getByText('online', { exact: true }).waitFor();
  await ben.isWell();
  await ben.context.close();
  await saysNothing(ada);
  await ada.page.reload();
  await ada.reads('And to you');
  await saysNothing(ada);
});

test('who hides it does not see it of others', async () => {
  ben = await sit('Ben');
  await ben.open(/Ada/);
  await header(ben).getByText('online', { exact: true }).waitFor();
  await ada.isWell();
  await ada.context.close();
  await saysNothing(ben);
  await ben.go('#/settings/privacy');
  await ben.page.getByRole('radio', { name: 'Everyone' }).check();
  await ben.page.getByText('Saved').first().waitFor();
  await ben.page.reload();
  await ben.open(/Ada/);
  await header(ben)
    .getByText(/online just now|last seen/)
    .waitFor();
});

test('nothing went wrong meanwhile', async () => {
  await ben.isWell();
});
