/** Messages with files on their way: what is asked for while something else is waited for. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoreEvent, NewFile } from '../../src/core/api';
import type { Hashes } from '../../src/core/worker/core';
import type { Uploading } from '../../src/core/worker/upload';

/** Uploads that were begun, each to be ended by the test. */
interface Begun {
  what: Uploading;
  done: (attachment: string) => void;
  fail: (error: unknown) => void;
}
const begun: Begun[] = [];
const sealed: Hashes = { whole: 'aa', parts: ['bb'], bytes: 17 };
let sealing: () => Promise<Hashes> = async () => sealed;

vi.mock('../../src/core/wasm/dunlin', () => ({ FileSealer: {}, FileOpener: class {} }));
vi.mock('../../src/core/worker/sealing', () => ({ seal: () => sealing() }));
vi.mock('../../src/core/worker/upload', () => ({
  INTERRUPTED: { code: 'interrupted', message: '' },
  upload: (what: Uploading) => new Promise((done, fail) => begun.push({ what, done, fail })),
}));
vi.mock('../../src/core/worker/room', () => ({ hasRoomFor: async () => true }));

const { Uploads } = await import('../../src/core/worker/uploads');
type Parts = ConstructorParameters<typeof Uploads>[0];

/** Everything that was promised so far has gone on. */
const settled = () => new Promise((done) => setTimeout(done));

class Bench {
  readonly rows = new Map<string, string>();
  readonly events: (CoreEvent & { type: 'transfer' })[] = [];
  readonly messages: { files: { id?: string }[] }[] = [];
  /** What writing waits for. */
  writing: Promise<unknown> = Promise.resolve();
  readonly uploads: InstanceType<typeof Uploads>;

  constructor() {
    const core = {
      keep: (name: string, value?: Uint8Array) =>
        value ? this.rows.set(name, new TextDecoder().decode(value)) : this.rows.delete(name),
      kept: () => undefined,
    };
    const driver = {
      core,
      ask: async () => undefined,
      change: async (act: (given: typeof core) => void) => (await this.writing, act(core)),
    };
    const commands = {
      act: async (wish: { files: { id?: string }[] }, _: string, end: (given: typeof core) => void) => {
        this.messages.push(wish);
        end(core);
      },
    };
    const pieces = { remove: async () => {} };
    const cache = { add: () => ({ done: () => {} }), remove: async () => {} };
    const parts = { driver, rest: {}, commands, pieces, cache } as unknown as Parts;
    this.uploads = new Uploads(parts, (event) => this.events.push(event as CoreEvent & { type: 'transfer' }));
  }

  get last() {
    return this.events.at(-1);
  }

  async failed(): Promise<string> {
    const id = await this.uploads.send('chat', [file], { caption: '' });
    await settled();
    begun[0]?.fail({ code: 'tooLarge', message: '' });
    await settled();
    expect(this.last?.state).toBe('failed');
    begun.length = 0;
    return id;
  }
}

const file: NewFile = { file: new Blob(['x']), kind: 'file', name: 'x' };
let bench: Bench;

beforeEach(() => {
  begun.length = 0;
  sealing = async () => sealed;
  bench = new Bench();
});

describe('an upload that failed', () => {
  it('is tried again once, however often it is asked for', async () => {
    const id = await bench.failed();
    await Promise.all([bench.uploads.retry(id), bench.uploads.retry(id)]);
    await settled();
    expect(begun).toHaveLength(1);
    begun[0]?.done('attachment');
    await settled();
    expect(bench.messages.map(({ files }) => files.map((one) => one.id))).toEqual([['attachment']]);
    expect(bench.last?.state).toBe('done');
  });

  it('is not sent when it is cancelled while another attempt is begun', async () => {
    const id = await bench.failed();
    let write: (nothing: undefined) => void = () => {};
    bench.writing = new Promise((done) => (write = done));
    const retried = bench.uploads.retry(id);
    const cancelled = bench.uploads.cancel(id);
    write(undefined);
    await Promise.all([retried, cancelled]);
    await settled();
    expect([begun.length, bench.messages.length, bench.last?.state]).toEqual([0, 0, 'cancelled']);
    expect(bench.uploads.list(undefined)).toEqual([]);
  });

  it('can be tried again when the attempt could not be noted', async () => {
    const id = await bench.failed();
    bench.writing = Promise.reject({ code: 'storage', message: '' });
    await expect(bench.uploads.retry(id)).rejects.toMatchObject({ code: 'storage' });
    expect(bench.uploads.list('chat')).toMatchObject([{ state: 'failed', failure: { code: 'storage' } }]);
    bench.writing = Promise.resolve();
    await bench.uploads.retry(id);
    await settled();
    expect(begun).toHaveLength(1);
  });

  it('hears no more of the attempt that is over', async () => {
    const id = await bench.uploads.send('chat', [file, file], { caption: '' });
    await settled();
    const [first, second] = begun.splice(0);
    first?.fail({ code: 'tooLarge', message: '' });
    await settled();
    // The other file of the message was being begun, and is told of late.
    second?.what.running();
    await expect(second?.what.began('stale')).rejects.toBeDefined();
    expect(bench.uploads.list('chat')).toMatchObject([{ state: 'failed' }]);
    await bench.uploads.retry(id);
    await settled();
    second?.done('stale');
    await settled();
    expect(begun.map(({ what }) => what.attachment)).toEqual([undefined, undefined]);
    begun.forEach(({ done }, index) => done(`new${index}`));
    await settled();
    expect(bench.messages.map(({ files }) => files.map((one) => one.id))).toEqual([['new0', 'new1']]);
  });
});

it('a file that waited for the others too long is begun anew before the message names it', async () => {
  const now = vi.spyOn(Date, 'now');
  try {
    const hour = 60 * 60_000;
    const from = Date.now();
    await bench.uploads.send('chat', [file, file], { caption: '' });
    await settled();
    const [first, second] = begun.splice(0);
    await first?.what.began('first');
    first?.done('first');
    now.mockReturnValue(from + 19 * hour);
    await second?.what.began('second');
    now.mockReturnValue(from + 21 * hour);
    second?.done('second');
    await settled();
    expect(bench.messages).toEqual([]);
    expect(begun.map(({ what }) => what.attachment)).toEqual([undefined]);
    await begun[0]?.what.began('again');
    begun[0]?.done('again');
    await settled();
    expect(bench.messages.map(({ files }) => files.map((one) => one.id))).toEqual([['again', 'second']]);
  } finally {
    now.mockRestore();
  }
});

it('a file that cannot be kept leaves nothing, and says why to who sent it', async () => {
  sealing = () => Promise.reject({ code: 'storage', message: '' });
  await expect(bench.uploads.send('chat', [file], { caption: '' })).rejects.toMatchObject({ code: 'storage' });
  expect(bench.last).toMatchObject({ state: 'cancelled', failure: { code: 'storage' } });
  expect(bench.uploads.list(undefined)).toEqual([]);
});
