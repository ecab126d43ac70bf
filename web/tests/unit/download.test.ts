/** Files that are opened: from here, or from where attachments are kept. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { CoreEvent } from '../../src/core/api';

vi.mock('../../src/core/wasm/dunlin', () => ({
  FileSealer: { partBytes: () => 1024 },
  FileOpener: class {
    place = 0;
    sealedBytes = 17;
    open(bytes: Uint8Array) {
      this.place += bytes.length;
      return bytes.slice(0, 1);
    }
    finish() {}
  },
}));
const reads: { done: (bytes: Uint8Array) => void }[] = [];
vi.mock('../../src/core/worker/signed', () => ({
  async *read(_: unknown, __: number, signal: AbortSignal) {
    yield await new Promise<Uint8Array>((done, fail) => {
      reads.push({ done });
      signal.addEventListener('abort', () => fail(signal.reason));
    });
  },
}));
vi.mock('../../src/core/worker/room', () => ({ hasRoomFor: async () => false }));
const { Downloads } = await import('../../src/core/worker/download');
type Parts = ConstructorParameters<typeof Downloads>[0];

const kept = { key: new Uint8Array(), digest: '', bytes: 1, mediaType: 'image/png' };
const here = new Set<string>();
let events: (CoreEvent & { type: 'transfer' })[] = [];
let isOnline = true;

function downloads() {
  const cache = {
    find: (id: string) => (here.has(id) ? { id, name: id, bytes: 17, pieces: 1 } : undefined),
    takes: () => false,
    remove: async () => {},
  };
  const rest = {
    ask: async () => {
      if (!isOnline) throw { code: 'offline', message: '' };
      return { size: 17, url: '', method: 'GET', headers: {} };
    },
  };
  const driver = { ask: async () => kept };
  const pieces = { get: async () => new Uint8Array(17), remove: async () => {} };
  const parts = { driver, rest, pieces, cache } as unknown as Parts;
  return new Downloads(parts, (event) => events.push(event as CoreEvent & { type: 'transfer' }));
}

beforeEach(() => {
  reads.length = 0;
  here.clear();
  events = [];
  isOnline = true;
});

it('what is here is not kept waiting by what cannot be had', async () => {
  const files = downloads();
  const slow = ['a', 'b', 'c', 'd'].map((id) => files.open('chat', { at: 1 }, id).catch((failure: unknown) => failure));
  await vi.waitFor(() => expect(reads).toHaveLength(3));
  here.add('here');
  expect((await files.open('chat', { at: 1 }, 'here')).size).toBe(1);
  files.stop({ code: 'stopped', message: '' });
  reads.forEach(({ done }) => done(new Uint8Array(17)));
  await Promise.all(slow);
});

it('what waits for the connection lets others be read', async () => {
  const files = downloads();
  isOnline = false;
  const waiting = ['a', 'b', 'c'].map((id) => files.open('chat', { at: 1 }, id).catch((failure: unknown) => failure));
  await vi.waitFor(() => expect(events.filter(({ state }) => state === 'paused').length).toBeGreaterThanOrEqual(3));
  isOnline = true;
  // They may be tried again at once; three of the four are read, whichever they are.
  const other = files.open('chat', { at: 1 }, 'd');
  await vi.waitFor(() => expect(events.some(({ id, state }) => id === 'd' && state === 'running')).toBe(true));
  files.wake();
  const answer = setInterval(() => reads.splice(0).forEach(({ done }) => done(new Uint8Array(17))));
  expect((await other).size).toBe(1);
  await Promise.all(waiting);
  clearInterval(answer);
});

it('what was stopped is begun anew by who asks for it, though it has not ended yet', async () => {
  const files = downloads();
  const stopped = files.open('chat', { at: 1 }, 'a').catch((failure: { code: string }) => failure.code);
  await vi.waitFor(() => expect(reads).toHaveLength(1));
  expect(files.cancel('a')).toBe(true);
  const again = files.open('chat', { at: 1 }, 'a');
  await vi.waitFor(() => expect(reads).toHaveLength(2));
  reads.forEach(({ done }) => done(new Uint8Array(17)));
  expect((await again).size).toBe(1);
  expect(await stopped).toBe('cancelled');
});
