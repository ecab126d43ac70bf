/** Files in real browsers against a real server. */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, openSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test as begin } from 'node:test';
import {
  becomes,
  filesMessage,
  openFile,
  sendFiles,
  storedFile,
  storedPieces,
  tamper,
  told,
  watchHeap,
} from './filepage.mjs';
import { CorePage, Machine, PATIENCE_MS, until } from './machine.mjs';

/** One after the other: each goes on where the one before it ended. */
const test = (name, run) => begin(name, { timeout: 10 * PATIENCE_MS }, run);

const MEGABYTE = 1024 * 1024;
/** As in `src/core/api.ts`. */
const TRANSFERS_MAX = 64;
/** Of a part on its way. */
const wasTaken = ({ status }) => status === 204;
const people = {};
let machine;
/** Of Ada and Ben. */
let chat;

before(async () => {
  machine = await Machine.start(join(import.meta.dirname, '../dist-core'));
  for (const name of ['ada', 'ben']) {
    const browser = await machine.browser(name);
    people[name] = await CorePage.open(machine, browser);
    await people[name].logIn(name);
    await people[name].isCaughtUp();
  }
  const { user } = await people.ada.call('findPerson', 'ben@example.org');
  people.ada.peer = user;
  chat = await people.ada.call('startDirect', user);
  await people.ada.call('sendText', chat, 'Files follow');
  await people.ben.shows(chat, ['Files follow']);
});
after(() => machine?.end());

test('a picture goes from browser to browser', async () => {
  const { ada, ben } = people;
  const picture = { kind: 'image', type: 'image/png', name: 'a/b.png', bytes: 200_000, width: 640.2, height: 480 };
  const first = await ben.said(chat, 'Files follow');
  const mentions = [{ start: 5, end: 9, user: ada.peer }];
  const about = { mentions, replyTo: first.place.at };
  const sent = await sendFiles(ada, chat, [{ ...picture, thumbnail: [1, 2, 3] }], 'Look @Ben', about);
  await becomes(ada, sent.id, 'done');
  const { place, body, replyTo } = await filesMessage(ben, chat, 'Look @Ben');
  assert.deepEqual(body.mentions, mentions);
  const [{ id, thumbnail, kind, name, mediaType, bytes, width, height }] = body.files;
  assert.deepEqual([kind, name, mediaType, bytes, width, height], ['image', 'a_b.png', 'image/png', 200_000, 640, 480]);
  assert.deepEqual(Object.values(thumbnail), [1, 2, 3]);
  assert.deepEqual(replyTo.preview, { kind: 'text', text: 'Files follow' });
  assert.deepEqual(await openFile(ben, chat, place, id), { size: 200_000, type: 'image/png', hash: sent.hashes[0] });
  assert.deepEqual(await ada.call('transfers'), []);
  const events = await told(ada, sent.id);
  assert.deepEqual(
    [events[0].state, events.at(-1).sent === events.at(-1).total, events[0].chat, events[0].way],
    ['running', true, chat, 'up'],
  );
  assert.equal((await becomes(ben, id, 'done')).way, 'down');
});

test('several files are one message, and their types are not believed', async () => {
  const { ada, ben } = people;
  const ogg = [...Buffer.from('OggS'), ...new Array(24).fill(0xff), ...Buffer.from('OpusHead'), 1, 2, 3];
  const sent = await sendFiles(
    ada,
    chat,
    [
      { kind: 'voice', type: 'audio/ogg', name: 'voice.ogg', bytes: ogg, durationMs: 1_500, waveform: [0, 300, 17] },
      { kind: 'file', type: 'text/html', name: 'page.html', bytes: [60] },
      { kind: 'file', type: 'image/svg+xml', name: 'drawing.svg', bytes: [60] },
      { kind: 'file', type: '', name: '', bytes: [] },
    ],
    'Various',
  );
  const { place, body } = await filesMessage(ben, chat, 'Various');
  const [voice, ...others] = body.files;
  assert.deepEqual([voice.kind, voice.durationMs, voice.waveform], ['voice', 1_500, [0, 255, 17]]);
  assert.equal((await openFile(ben, chat, place, voice.id)).type, 'audio/ogg');
  for (const [index, file] of others.entries()) {
    const opened = await openFile(ben, chat, place, file.id);
    assert.deepEqual([opened.type, opened.hash], ['application/octet-stream', sent.hashes[index + 1]]);
  }
});

test('what cannot be sent is refused before it is uploaded', async () => {
  const { ada } = people;
  const puts = machine.puts.length;
  const code = async (...given) => (await sendFiles(ada, chat, ...given)).failure?.code;
  const plain = { kind: 'file', type: 'text/plain', name: 'x', bytes: [1] };
  assert.equal(await code([]), 'invalidArgument');
  assert.equal(await code(Array(33).fill(plain)), 'limitReached');
  assert.equal(await code([{ ...plain, kind: 'voice', durationMs: 5 }]), 'invalidArgument');
  assert.equal(await code([{ ...plain, kind: 'image' }]), 'invalidArgument');
  assert.equal(await code([plain], 'x'.repeat(60_000)), 'invalidArgument');
  assert.equal(await code([plain], '', { replyTo: 9_999 }), 'notFound');
  const outside = { mentions: [{ start: 0, end: 9, user: ada.peer }] };
  assert.equal(await code([plain], 'short', outside), 'invalidArgument');
  assert.deepEqual(await ada.call('transfers'), []);
  assert.equal(machine.puts.length, puts);
});

test('a file of 50 MB gets through though the connection is cut twice, and only lost parts travel again', async () => {
  const { ada, ben } = people;
  const puts = machine.puts.length;
  machine.cuts = [12 * MEGABYTE, 30 * MEGABYTE].map((bytes) => machine.putBytes + bytes);
  machine.putsAtOnce = 0;
  const heap = await watchHeap(ada);
  const video = { kind: 'video', type: 'video/mp4', name: 'walk.mp4', bytes: 50 * MEGABYTE };
  const sent = await sendFiles(ada, chat, [video], 'Long');
  assert.equal(sent.failure, undefined);
  await becomes(ada, sent.id, 'done', 3 * PATIENCE_MS);
  assert.deepEqual(machine.cuts, [], 'it was cut twice');
  assert.equal(machine.putsAtOnce, 2);
  const most = await heap.end();
  assert.ok(most > 8 * MEGABYTE && most < 150 * MEGABYTE, `${most} bytes of heap`);
  const attempts = machine.puts.slice(puts);
  const parts = Math.ceil((50 * MEGABYTE) / (8 * MEGABYTE));
  let again = 0;
  for (let part = 1; part <= parts; part += 1) {
    const own = attempts.filter((put) => put.part === part);
    const answered = own.findIndex(wasTaken);
    assert.ok(
      own.length > 0 && (answered < 0 || answered === own.length - 1),
      `part ${part} travelled though it was there`,
    );
    if (own.length > 1) again += 1;
  }
  // Two at a time are under way, so each cut costs two parts at most. Those may be refused for a moment, while the server still writes them.
  assert.ok(again > 0 && again <= 4, `${again} parts travelled again`);
  const { place, body } = await filesMessage(ben, chat, 'Long');
  const opened = await openFile(ben, chat, place, body.files[0].id);
  assert.deepEqual(opened, { size: 50 * MEGABYTE, type: 'video/mp4', hash: sent.hashes[0] });
});

test('an address whose time is over is asked for anew', async () => {
  const { ada, ben } = people;
  const sent = await sendFiles(
    ada,
    chat,
    [{ kind: 'file', type: 'text/plain', name: 'late.txt', bytes: 70_000 }],
    'Late',
  );
  const { place, body } = await filesMessage(ben, chat, 'Late');
  machine.expired = 1;
  const opened = await openFile(ben, chat, place, body.files[0].id);
  assert.equal(opened.hash, sent.hashes[0]);
  assert.equal(machine.expired, 0);
  const { failure } = await becomes(ben, body.files[0].id, 'paused');
  assert.equal(failure.code, 'forbidden');
});

test('what was opened opens again without the server, and what was not says so', async () => {
  const { ada, ben } = people;
  const late = await filesMessage(ben, chat, 'Late');
  const look = await filesMessage(ada, chat, 'Look @Ben');
  await machine.kill();
  const opened = await openFile(ben, chat, late.place, late.body.files[0].id);
  assert.equal(opened.size, 70_000);
  assert.equal((await openFile(ada, chat, look.place, look.body.files[0].id)).size, 200_000, 'the sender has it, too');
  await assert.rejects(openFile(ben, chat, { at: 9_999 }, look.body.files[0].id), { code: 'noSuchFile' });
  // Sent without a connection, it waits.
  const sent = await sendFiles(ada, chat, [{ kind: 'file', type: '', name: 'wait', bytes: 5 }], 'Waits');
  const { failure } = await becomes(ada, sent.id, 'paused').then(() =>
    until('it says why', async () => (await told(ada, sent.id)).find((event) => event.failure)),
  );
  assert.equal(failure.code, 'offline');
  assert.equal((await ada.call('transfers', chat))[0].state, 'paused');
  await machine.serve();
  const waits = await filesMessage(ben, chat, 'Waits');
  assert.equal((await openFile(ben, chat, waits.place, waits.body.files[0].id)).hash, sent.hashes[0]);
});

test('a file that was tampered with, or is gone, is not given out', async () => {
  const { ada, ben } = people;
  for (const [caption, harm, code] of [
    ['Tampered', tamper, 'tampered'],
    ['Shortened', shorten, 'tampered'],
    ['Gone', (path) => rmSync(path), 'gone'],
  ]) {
    await sendFiles(ada, chat, [{ kind: 'file', type: 'text/plain', name: 'x', bytes: 300_000 }], caption);
    const { place, body } = await filesMessage(ben, chat, caption);
    const [{ id }] = body.files;
    harm(storedFile(machine, id));
    const pieces = await storedPieces(ben);
    await assert.rejects(openFile(ben, chat, place, id), { code });
    assert.equal((await becomes(ben, id, 'failed')).failure.code, code);
    await until('nothing of it stays', async () => (await storedPieces(ben)) === pieces);
  }
});

test('a file whose message waits for the connection opens already', async () => {
  const { ada, ben } = people;
  machine.takesLinks = false;
  machine.cut();
  await until('it is noticed', async () => (await ada.call('connection')).state !== 'online');
  const sent = await sendFiles(ada, chat, [{ kind: 'file', type: '', name: 'early', bytes: 70_000 }], 'Early');
  await becomes(ada, sent.id, 'done');
  const { items } = await ada.call('history', chat, undefined, 5);
  const { place, body } = items.find((item) => item.body?.caption === 'Early');
  assert.ok('waiting' in place);
  assert.equal((await openFile(ada, chat, place, body.files[0].id)).hash, sent.hashes[0]);
  machine.takesLinks = true;
  await filesMessage(ben, chat, 'Early');
});

test('a tab that is killed in the middle of an upload goes on when it is opened again', async () => {
  const { ada, ben } = people;
  const puts = machine.puts.length;
  machine.hold(2);
  const file = { kind: 'file', type: 'application/zip', name: 'all.zip', bytes: 30 * MEGABYTE };
  const sent = await sendFiles(ada, chat, [file], 'Killed');
  await until('some parts are there', () => machine.puts.slice(puts).filter(wasTaken).length === 2);
  await ada.kill();
  const [transfer] = await until('it is known', async () => {
    const transfers = await ada.call('transfers', chat);
    return transfers.length === 1 && transfers;
  });
  assert.deepEqual([transfer.id, transfer.caption, transfer.files[0].name], [sent.id, 'Killed', 'all.zip']);
  await until('the parts that are there count', async () => (await ada.call('transfers'))[0].sent >= 16 * MEGABYTE);
  machine.release();
  await becomes(ada, sent.id, 'done', 3 * PATIENCE_MS);
  const { place, body } = await filesMessage(ben, chat, 'Killed');
  assert.equal((await openFile(ben, chat, place, body.files[0].id)).hash, sent.hashes[0]);
  const done = machine.puts.slice(puts).filter(wasTaken);
  assert.deepEqual(done.map((put) => put.part).sort(), [1, 2, 3, 4], 'each part travelled once');
  const { items } = await ben.call('history', chat, undefined, 200);
  const came = items.filter((item) => item.type === 'message' && item.body.caption === 'Killed');
  assert.equal(came.length, 1);
});

test('a tab that is killed before the file was kept says that it was interrupted', async () => {
  const { ada } = people;
  await ada.page.evaluate((chat) => {
    const piece = new Blob([new Uint8Array(1024 * 1024)]);
    const file = new Blob(Array(400).fill(piece));
    window.events.length = 0;
    void window.core.sendFiles(chat, [{ file, kind: 'file', name: 'huge' }], '').catch(() => {});
  }, chat);
  const { id } = await until('it has begun', () =>
    ada.page.evaluate(() => window.events.find((event) => event.type === 'transfer')),
  );
  await ada.kill();
  const [transfer] = await until('it is told', async () => {
    const transfers = await ada.call('transfers', chat);
    return transfers.length === 1 && transfers[0].state === 'failed' && transfers;
  });
  assert.deepEqual([transfer.id, transfer.failure.code], [id, 'interrupted']);
  await assert.rejects(ada.call('retryTransfer', id), { code: 'interrupted' });
  await ada.call('cancelTransfer', id);
  assert.deepEqual(await ada.call('transfers'), []);
});

test('what is cancelled leaves nothing', async () => {
  const { ada, ben } = people;
  const pieces = await storedPieces(ada);
  machine.hold(0);
  const file = { kind: 'file', type: '', name: 'never', bytes: 9 * MEGABYTE };
  const sent = await sendFiles(ada, chat, [file], 'Never');
  await until('it is under way', () => machine.held.length > 0);
  await ada.call('cancelTransfer', sent.id);
  await becomes(ada, sent.id, 'cancelled');
  assert.deepEqual(await ada.call('transfers'), []);
  assert.equal(await storedPieces(ada), pieces);
  machine.release();
  await ada.call('sendText', chat, 'after it');
  await until('what follows came', () => ben.said(chat, 'after it'));
  const { items } = await ben.call('history', chat, undefined, 200);
  assert.ok(!items.some((item) => item.body?.caption === 'Never'));
  await ada.call('cancelTransfer', sent.id);
  await assert.rejects(ada.call('retryTransfer', sent.id), { code: 'notFound' });
});

test('more transfers than are kept are refused, and those that are there stay', async () => {
  const { ada, ben } = people;
  machine.hold(0);
  const file = { kind: 'file', type: '', name: 'small', bytes: 10 };
  const ids = [];
  for (let number = 0; number < TRANSFERS_MAX; number += 1) {
    ids.push((await sendFiles(ada, chat, [file], `Small ${number}`)).id);
  }
  const { failure } = await sendFiles(ada, chat, [file], 'Too many');
  assert.equal(failure.code, 'limitReached');
  const transfers = await ada.call('transfers', chat);
  assert.deepEqual(
    transfers.map(({ id }) => id),
    ids,
  );
  assert.deepEqual(transfers.map(({ state }) => state).slice(0, 3), ['running', 'running', 'paused']);
  for (const id of ids.slice(1)) await ada.call('cancelTransfer', id);
  machine.release();
  await filesMessage(ben, chat, 'Small 0');
  assert.deepEqual(await ada.call('transfers'), []);
});

/** Takes the last byte away. */
function shorten(path) {
  const file = openSync(path, 'r+');
  ftruncateSync(file, statSync(path).size - 1);
  closeSync(file);
}
