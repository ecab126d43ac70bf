/** Files in pages of the core: made there, sent, and opened again. */
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS, until } from './machine.mjs';

/** Sends files of random bytes; a file's `bytes` may also be a list of them. Resolves when the core has taken them. */
export function sendFiles(core, chat, files, caption = '', about = {}) {
  return core.page.evaluate(
    async ([chat, files, caption, about]) => {
      const given = files.map(({ bytes, type, ...file }) => {
        if (Array.isArray(bytes)) return { ...file, file: new Blob([new Uint8Array(bytes)], { type }) };
        const pieces = [];
        for (let left = bytes; left > 0; left -= 65_536) {
          pieces.push(crypto.getRandomValues(new Uint8Array(Math.min(left, 65_536))));
        }
        return { ...file, file: new Blob(pieces, { type }) };
      });
      const hashes = [];
      for (const { file } of given) hashes.push(await window.hash(file));
      try {
        const thumbnails = given.map((file) => ({
          ...file,
          ...(file.thumbnail ? { thumbnail: new Uint8Array(file.thumbnail) } : {}),
        }));
        return { id: await window.core.sendFiles(chat, thumbnails, caption, about), hashes };
      } catch (failure) {
        return { failure: { code: failure.code, message: failure.message } };
      }
    },
    [chat, files, caption, about],
  );
}

/** Opens a file: its length, type and hash. */
export async function openFile(core, chat, place, id) {
  const opened = await core.page.evaluate(
    async ([chat, place, id]) => {
      try {
        const blob = await window.core.openFile(chat, place, id);
        return { size: blob.size, type: blob.type, hash: await window.hash(blob) };
      } catch (failure) {
        return { failure: { code: failure.code, message: failure.message } };
      }
    },
    [chat, place, id],
  );
  if (opened.failure) throw Object.assign(new Error(opened.failure.message), opened.failure);
  return opened;
}

/** The message in the log with this caption, as soon as it is here. */
export function filesMessage(core, chat, caption) {
  const isSo = async () => {
    const { items } = await core.call('history', chat, undefined, 200);
    return items.find(
      (item) =>
        item.type === 'message' && item.body.kind === 'files' && item.body.caption === caption && 'at' in item.place,
    );
  };
  return until(`the message ${caption}`, isSo, 2 * PATIENCE_MS);
}

/** What was told of a transfer so far. */
export function told(core, id) {
  return core.page.evaluate((id) => window.events.filter((event) => event.type === 'transfer' && event.id === id), id);
}

/** Waits until it is said of a transfer. */
export function becomes(core, id, state, patience = 2 * PATIENCE_MS) {
  const isSo = async () => (await told(core, id)).find((event) => event.state === state);
  return until(`the transfer is ${state}`, isSo, patience);
}

/** Pieces of files in the vault. */
export function storedPieces(core) {
  return core.page.evaluate(async () => {
    const request = indexedDB.open('dunlin');
    const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const count = database.transaction('pieces').objectStore('pieces').count();
    const pieces = await new Promise((resolve) => (count.onsuccess = () => resolve(count.result)));
    database.close();
    return pieces;
  });
}

/** Watches the heap of the worker, buffers included; `end` gives the most that there was, in bytes. */
export async function watchHeap(core) {
  const browser = await core.page.context().browser().newBrowserCDPSession();
  const { targetInfos } = await browser.send('Target.getTargets');
  const { targetId } = targetInfos.find(({ type }) => type === 'shared_worker');
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: false });
  let [most, isOn, lastId] = [0, true, 0];
  const waiting = new Map();
  browser.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message);
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const ask = (method) =>
    new Promise((resolve) => {
      waiting.set((lastId += 1), resolve);
      const message = JSON.stringify({ id: lastId, method, params: {} });
      void browser.send('Target.sendMessageToTarget', { sessionId, message });
    });
  await ask('Runtime.enable');
  const watching = (async () => {
    while (isOn) {
      const { usedSize, backingStorageSize = 0 } = await ask('Runtime.getHeapUsage');
      most = Math.max(most, usedSize + backingStorageSize);
      await sleep(20);
    }
  })();
  return {
    end: async () => {
      isOn = false;
      await watching;
      await browser.detach();
      return most;
    },
  };
}

/** The file of an attachment in the server's storage. */
export function storedFile(machine, id) {
  const folder = join(machine.directory, 'data', 'attachments');
  const found = readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => path.includes(id) && statSync(path).isFile());
  if (found.length !== 1) throw new Error(`not one file of ${id}: ${found}`);
  return found[0];
}

/** Changes one byte in the middle of a file. */
export function tamper(path) {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  const at = Math.floor(statSync(path).size / 2);
  readSync(file, byte, 0, 1, at);
  byte[0] ^= 1;
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}
