/** The vault over the IndexedDB of a real browser: what is stored is there in order, wherever it is kept for the moment. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CorePage, Machine, until } from './machine.mjs';

let machine;
let page;

before(async () => {
  machine = await Machine.start(join(import.meta.dirname, '../dist-core'));
  const core = await CorePage.open(machine, await machine.browser('ada'));
  // Its own worker does nothing: nobody is logged in.
  await until('the core stands', async () => (await core.call('session')).state === 'loggedOut');
  page = core.page;
  await page.evaluate(() => {
    /** Rows are named by a letter and say a word. */
    const octets = (text) => new TextEncoder().encode(text);
    const text = (bytes) => new TextDecoder().decode(bytes);
    window.open = async (settleAfterMs = 600_000) => {
      const vault = await window.openVault(settleAfterMs);
      await vault.claim();
      return vault;
    };
    window.store = (vault, rows, durable = false) =>
      vault.commit(
        Object.keys(rows).map(octets),
        Object.values(rows).map((word) => (word === null ? undefined : octets(word))),
        durable,
      );
    window.read = async (vault, from = 'a', until = 'z') => {
      const miss = { from: octets(from), until: octets(until), descending: false, limit: 10_000 };
      const { keys, values } = await vault.load(miss);
      return Object.fromEntries(keys.map((key, index) => [text(key), text(values[index])]));
    };
    /** How many records of the journal, and rows, are stored. */
    window.stored = async () => {
      const request = indexedDB.open('dunlin');
      await new Promise((resolve) => (request.onsuccess = resolve));
      const database = request.result;
      const count = (store, range) =>
        new Promise((resolve) => {
          const counted = database.transaction(store).objectStore(store).count(range);
          counted.onsuccess = () => resolve(counted.result);
        });
      const letters = IDBKeyRange.bound(octets('a'), octets('z'));
      const found = [await count('meta', IDBKeyRange.bound(0, Infinity)), await count('rows', letters)];
      database.close();
      return found;
    };
  });
});
after(() => machine?.end());

test('what is stored lately is a record, is read like any other row, and the newest of a row counts', async () => {
  const seen = await page.evaluate(async () => {
    const vault = await window.open();
    await window.store(vault, { a: 'one', b: 'two', c: 'three' }, true);
    await window.store(vault, { b: 'newer', c: null, d: 'four' });
    const before = await window.stored();
    const beside = await window.read(vault, 'e', 'z');
    const still = await window.stored();
    const rows = await window.read(vault);
    const after = await window.stored();
    vault.close();
    return { before, beside, still, rows, after };
  });
  assert.deepEqual(seen.before, [2, 0]);
  assert.deepEqual([seen.beside, seen.still], [{}, [2, 0]], 'who reads elsewhere moves nothing');
  assert.deepEqual(seen.rows, { a: 'one', b: 'newer', d: 'four' });
  assert.deepEqual(seen.after, [0, 3]);
});

test('what a worker left when it died is there for the next one, and the one before writes no more', async () => {
  const seen = await page.evaluate(async () => {
    const first = await window.open();
    await window.store(first, { a: 'left behind', b: null });
    await window.store(first, { a: 'left behind later', e: 'five' });
    const left = await window.stored();
    const second = await window.open();
    const rows = await window.read(second);
    const stored = await window.stored();
    const refused = [];
    // As a record, among the rows, and by reading what is not moved.
    for (const act of [
      () => window.store(first, { a: 'too late' }),
      () => window.store(first, Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`f${at}`, 'x']))),
      () => window.read(first),
    ])
      refused.push(
        await act().then(
          () => 'done',
          ({ code }) => code,
        ),
      );
    const after = await window.read(second);
    first.close();
    second.close();
    return { left, rows, stored, refused, after };
  });
  assert.deepEqual(seen.left, [2, 3]);
  assert.deepEqual(seen.rows, { a: 'left behind later', d: 'four', e: 'five' });
  assert.deepEqual(seen.stored, [0, 3]);
  assert.deepEqual(seen.refused, ['otherTab', 'otherTab', 'otherTab']);
  assert.deepEqual(seen.after, seen.rows);
});

test('large batches go among the rows, after what came before them', async () => {
  const seen = await page.evaluate(async () => {
    const vault = await window.open();
    await window.store(vault, { a: 'before', g: 'goes' });
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`m${at}`, 'many']));
    await window.store(vault, { ...many, a: 'with many', g: null });
    const stored = await window.stored();
    await window.store(vault, { a: 'after' });
    await window.store(vault, { h: 'x'.repeat(200_000) });
    const large = await window.stored();
    const next = await window.open();
    const rows = await window.read(next, 'a', 'i');
    vault.close();
    next.close();
    return { stored, large, rows };
  });
  assert.deepEqual(seen.stored, [0, 103]);
  assert.deepEqual(seen.large, [0, 104]);
  assert.deepEqual({ ...seen.rows, h: seen.rows.h.length }, { a: 'after', d: 'four', e: 'five', h: 200_000 });
});

test('what is being stored while others read is not lost', async () => {
  const seen = await page.evaluate(async () => {
    const vault = await window.open();
    for (let turn = 0; turn < 50; turn += 1) {
      await window.store(vault, { a: `before ${turn}` });
      // Reading moves the record of `a` while the one of `b` is on its way.
      await Promise.all([
        window.store(vault, { b: `turn ${turn}`, [`n${turn}`]: 'kept' }),
        window.read(vault, 'a', 'b'),
        window.read(vault, 'a', 'b'),
      ]);
    }
    const next = await window.open();
    const rows = await window.read(next, 'a', 'c');
    const kept = Object.keys(await window.read(next, 'n', 'o')).length;
    vault.close();
    next.close();
    return { rows, kept };
  });
  assert.deepEqual(seen, { rows: { a: 'before 49', b: 'turn 49' }, kept: 50 });
});

test('what others read while a large batch is being stored does not come back in its place', async () => {
  const rows = await page.evaluate(async () => {
    const vault = await window.open();
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`q${at}`, 'many']));
    await window.store(vault, { a: 'old', b: 'old' });
    await Promise.all([
      window.store(vault, { ...many, a: 'new', b: null }, true),
      window.read(vault, 'a', 'b'),
      window.read(vault, 'a', 'c'),
    ]);
    const next = await window.open();
    const rows = await window.read(next, 'a', 'c');
    vault.close();
    next.close();
    return rows;
  });
  assert.deepEqual(rows, { a: 'new' });
});

test('the journal is not long, whatever is written into it', async () => {
  const most = await page.evaluate(async () => {
    const vault = await window.open();
    const most = [0, 0];
    for (let turn = 0; turn < 300; turn += 1) {
      await window.store(vault, { a: `${turn}` });
      most[0] = Math.max(most[0], (await window.stored())[0]);
    }
    await window.read(vault);
    for (let turn = 0; turn < 20; turn += 1) {
      await window.store(vault, { a: 'x'.repeat(100_000) });
      most[1] = Math.max(most[1], (await window.stored())[0]);
    }
    vault.close();
    return most;
  });
  assert.ok(most[0] > 100 && most[0] <= 128, `${most[0]} small records`);
  assert.ok(most[1] > 5 && most[1] <= 10, `${most[1]} large records`);
});

test('the journal is moved by itself when nothing happens', async () => {
  const most = await page.evaluate(async () => {
    const vault = await window.open(500);
    let most = 0;
    for (let turn = 0; turn < 40; turn += 1) {
      await window.store(
        vault,
        Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`p${turn % 20}-${at}`, `${turn}`])),
      );
      most = Math.max(most, (await window.stored())[0]);
    }
    window.vault = vault;
    return most;
  });
  assert.ok(most >= 1, `${most} records`);
  await until('it is empty', async () => (await page.evaluate(() => window.stored()))[0] === 0);
  const rows = await page.evaluate(() => window.read(window.vault, 'p', 'q'));
  assert.equal(Object.keys(rows).length, 800);
  assert.equal(rows['p19-39'], '39');
});
