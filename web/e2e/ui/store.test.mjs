/** Files past the server: from one browser into an object store of another origin, and out of it to another browser. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { photo } from '../../tests/page/files.mjs';
import { Machine, PATIENCE_MS } from '../machine.mjs';
import { Store } from '../store.mjs';
import { journey, Person } from './app.mjs';
import { attach, DOCUMENT, look, PICTURES, save, sendTray } from './media.mjs';

const MEGABYTE = 1024 * 1024;

let machine;
let store;
let ada;
let ben;
/** Bytes from the server before there were files; most of them are the app. */
let wentBefore;
const test = journey(() => [ada, ben].filter(Boolean));

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP, [], {
    prepare: async (machine) => {
      store = await Store.start(machine.url);
      await store.serve(machine);
    },
  });
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('Files follow');
  await ben.open(/Ada/);
  await ben.reads('Files follow');
  wentBefore = await went();
});
after(async () => {
  await machine?.end();
  await store?.end();
});

const went = async () => (await store.counted('gateway_bytes_out')) + (await store.counted('gateway_http_bytes_out'));

test('a picture goes past the server', async () => {
  const picture = { name: 'tide.jpg', mimeType: 'image/jpeg', buffer: await photo(ada.page) };
  await attach(ada, PICTURES, [picture]);
  await sendTray(ada, 'The tide');
  const { width, height } = await look(ben.bubble('The tide').locator('img.whole'));
  assert.deepEqual([width, height], [800, 1200]);
});

test('a file of several parts goes past the server', async () => {
  const bytes = randomBytes(20 * MEGABYTE);
  const path = join(machine.directory, 'survey.bin');
  writeFileSync(path, bytes);
  await attach(ada, DOCUMENT, [path]);
  await sendTray(ada, 'The survey');
  const saved = await save(ben, ben.bubble('The survey').getByRole('button', { name: 'Save survey.bin' }));
  assert.equal(saved.name, 'survey.bin');
  assert.ok(saved.bytes.equals(bytes));
});

test('what the store refuses, since it was signed too long ago, is signed anew', async () => {
  const bytes = randomBytes(100_000);
  store.late = 1;
  await attach(ada, DOCUMENT, [{ name: 'late.bin', mimeType: 'application/octet-stream', buffer: bytes }]);
  await sendTray(ada, 'Late');
  const button = ben.bubble('Late').getByRole('button', { name: 'Save late.bin' });
  await button.waitFor();
  assert.deepEqual(store.refusals, [403]);
  store.late = 1;
  const saved = await save(ben, button);
  assert.deepEqual(store.refusals, [403, 403]);
  assert.ok(saved.bytes.equals(bytes));
});

test('a connection to the store that is cut goes on where it was', async () => {
  const bytes = randomBytes(20 * MEGABYTE);
  const path = join(machine.directory, 'cut.bin');
  writeFileSync(path, bytes);
  const before = store.passed;
  store.cuts = [before + 7 * MEGABYTE, before + 15 * MEGABYTE];
  await attach(ada, DOCUMENT, [path]);
  await sendTray(ada, 'Cut');
  const button = ben.bubble('Cut').getByRole('button', { name: 'Save cut.bin' });
  await button.waitFor({ timeout: 3 * PATIENCE_MS });
  assert.deepEqual(store.cuts, []);
  const sent = store.passed - before;
  assert.ok(sent < 40 * MEGABYTE, `${sent} bytes for 20 MiB`);
  store.cuts = [store.passed + 5 * MEGABYTE, store.passed + 12 * MEGABYTE];
  const saved = await save(ben, button);
  assert.deepEqual(store.cuts, []);
  assert.ok(saved.bytes.equals(bytes));
});

test('no byte of them went through the server', async () => {
  for (const name of ['attachments_bytes_in', 'attachments_bytes_out']) {
    assert.equal(await store.counted(name), 0, name);
  }
  const came = (await store.counted('gateway_bytes_in')) + (await store.counted('gateway_http_bytes_in'));
  assert.ok(came > 0 && came < MEGABYTE, `${came} bytes came to the server`);
  const gone = (await went()) - wentBefore;
  assert.ok(gone > 0 && gone < MEGABYTE, `${gone} bytes left the server`);
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben]) await person.isWell();
});
