/** In which order the driver stores, sends and shows. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Effects } from '../../src/core/worker/core';
import { Driver, type Input } from '../../src/core/worker/driver';
import type { Link } from '../../src/core/worker/link';
import type { Storage } from '../../src/core/worker/storage';
import type { Core } from '../../src/core/wasm/dunlin';

const NOTHING: Effects = {
  send: [],
  wants: [],
  events: [],
  ends: [],
  news: [],
  reconnect: false,
  searchDamaged: false,
  accountMade: false,
};

/** What happened, in order: commits, flushes, frames that left, and what was shown. */
let happened: string[];
let driver: Driver;
let stopped: string | undefined;
/** Ends the flush that is under way. */
let flushed: { resolve: () => void; reject: (error: unknown) => void } | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  happened = [];
  stopped = undefined;
  flushed = undefined;
  let next: Effects = NOTHING;
  let rows = 0;
  const core = {
    tick(frame: number) {
      next = { ...NOTHING, send: [new Uint8Array([frame])] };
      rows = 1;
    },
    /** A step that changes no row. */
    disconnected(frame: number) {
      next = { ...NOTHING, send: [new Uint8Array([frame])] };
      rows = 0;
    },
    finish: () => next,
    batch: () => [Array.from({ length: rows }, () => new Uint8Array(1)), []],
    bytes: () => 0,
  };
  const storage = {
    commit: async (_keys: unknown, _values: unknown, durable: boolean) =>
      void happened.push(durable ? 'strict' : 'relaxed'),
    flush: () => {
      happened.push('flush');
      return new Promise<void>((resolve, reject) => (flushed = { resolve, reject }));
    },
  };
  driver = new Driver(core as unknown as Core, storage as unknown as Storage, {
    happened: ({ send }) => happened.push(`shown ${send[0]?.[0]}`),
    stopped: ({ code }) => (stopped = code),
  });
  driver.link = { isReady: true, send: (frame: Uint8Array) => happened.push(`sent ${frame[0]}`) } as unknown as Link;
  driver.isCaughtUp = true;
});
afterEach(() => vi.useRealTimers());

/** A step that changes a row and has one frame to send, with this number. */
const input = (frame: number, more: Partial<Input> = {}): Input => ({
  begin: (core) => (core.tick(frame), true),
  ...more,
});
const passes = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test('what was heard is shown first, and answered once it is flushed', async () => {
  driver.push(input(1));
  await passes(0);
  expect(happened).toEqual(['relaxed', 'shown 1']);
  driver.push(input(2));
  await passes(1_000);
  expect(happened).toEqual(['relaxed', 'shown 1', 'relaxed', 'shown 2', 'flush']);
  flushed?.resolve();
  await passes(0);
  expect(happened.slice(5)).toEqual(['sent 1', 'sent 2']);
});

test('what was promised is stored and sent at once, and takes the answers before it along', async () => {
  driver.push(input(1));
  await passes(0);
  driver.push(input(2, { durable: true }));
  await passes(1_000);
  expect(happened).toEqual(['relaxed', 'shown 1', 'strict', 'sent 1', 'sent 2', 'shown 2']);
});

test('an answer that was taken along during a flush is not sent again, nor a later one before its time', async () => {
  driver.push(input(1));
  await passes(100);
  driver.push(input(2, { durable: true }));
  await passes(0);
  driver.push(input(3));
  await passes(0);
  expect(happened).toEqual([
    'relaxed',
    'shown 1',
    'flush',
    'strict',
    'sent 1',
    'sent 2',
    'shown 2',
    'relaxed',
    'shown 3',
  ]);
  flushed?.resolve();
  await passes(1_000);
  expect(happened.slice(9)).toEqual(['flush']);
  flushed?.resolve();
  await passes(0);
  expect(happened.slice(10)).toEqual(['sent 3']);
});

test('who is not caught up answers as soon as it is flushed', async () => {
  driver.isCaughtUp = false;
  driver.push(input(1));
  await passes(0);
  expect(happened).toEqual(['relaxed', 'shown 1', 'flush']);
});

test('what was heard on a connection that went is flushed all the same: the next one says that it was heard', async () => {
  const { link } = driver;
  driver.push(
    input(1, {
      begin: (core) => {
        core.tick(1);
        driver.link = undefined;
        return true;
      },
    }),
  );
  await passes(1_000);
  driver.link = link;
  // What follows from it, such as how far this device has heard, waits for the flush too.
  driver.push(input(2, { begin: (core) => (core.disconnected(2), true) }));
  await passes(0);
  expect(happened).toEqual(['relaxed', 'shown 1', 'flush', 'shown 2']);
  flushed?.resolve();
  await passes(1_000);
  expect(happened.slice(4)).toEqual(['flush']);
  flushed?.resolve();
  await passes(0);
  expect(happened.slice(5)).toEqual(['sent 2']);
});

test('a flush that fails stops it, and nothing is answered', async () => {
  driver.push(input(1));
  await passes(100);
  flushed?.reject(new DOMException('full', 'QuotaExceededError'));
  await passes(0);
  expect(stopped).toBe('storage');
  const failed = vi.fn();
  driver.push(input(2, { failed }));
  await passes(1_000);
  expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'stopped' }));
  expect(happened).toEqual(['relaxed', 'shown 1', 'flush']);
});
