/** The pure parts of sending and opening files. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FILE_BYTES_MAX, type NewFile } from '../../src/core/api';
import { safeType, toldType } from '../../src/core/worker/mediatypes';
import { fromHex } from '../../src/core/worker/hex';
import { checked, safeName, sealedBytes, shown, wishOf } from '../../src/core/worker/newfiles';
import { Patience, Pauses, Slots } from '../../src/core/worker/patience';
import { hasRoomFor } from '../../src/core/worker/room';

describe('media types', () => {
  it('of files from others are ones that browsers do not run', () => {
    expect(safeType('IMAGE/JPEG')).toBe('image/jpeg');
    expect(safeType('audio/ogg; codecs=opus')).toBe('audio/ogg');
    for (const type of [
      'text/html',
      'image/svg+xml',
      'application/xhtml+xml',
      'text/javascript',
      'application/pdf',
      '',
      'x',
    ]) {
      expect(safeType(type)).toBe('application/octet-stream');
    }
  });

  it('that are none are not passed on', () => {
    expect(toldType('text/plain; charset=utf-8')).toBe('text/plain');
    expect(toldType('')).toBe('application/octet-stream');
    expect(toldType('no type\n/at all')).toBe('application/octet-stream');
  });
});

describe('names', () => {
  it('name a file and no folder', () => {
    expect(safeName('../../etc/passwd')).toBe('.._.._etc_passwd');
    expect(safeName('C:\\x\u0000\u0085.txt')).toBe('C:_x__.txt');
    expect([safeName('.'), safeName('..'), safeName('')]).toEqual(['_', '_', '']);
    expect(safeName('\ud800x')).toBe('\ufffdx');
  });

  it('are cut between characters, and keep what says what they are', () => {
    const name = safeName('ä😀'.repeat(100) + '.tar.gz');
    expect(new TextEncoder().encode(name).length).toBeLessThanOrEqual(255);
    expect(name.endsWith('.gz')).toBe(true);
    expect(name.isWellFormed()).toBe(true);
  });
});

describe('files to be sent', () => {
  const plain = { file: new Blob(['x'], { type: 'text/plain' }), kind: 'file', name: 'x.txt' } as const;

  it('share the room for thumbnails, and what does not fit is left out', async () => {
    const thumbnail = new Uint8Array(8 * 1024).fill(7);
    const files = await checked(Array(6).fill({ ...plain, thumbnail }) as NewFile[]);
    expect(files.map((file) => file.thumbnail !== undefined)).toEqual([true, true, true, true, true, false]);
    expect(shown(files[0]!, 'id').thumbnail).toEqual(thumbnail);
    expect(wishOf(files[0]!).thumbnail).toEqual(thumbnail);
    const [large] = await checked([{ ...plain, thumbnail: new Uint8Array(8 * 1024 + 1) }]);
    expect(large!.thumbnail).toBeUndefined();
  });

  it('each have a key of their own', async () => {
    const [one, two] = await checked([plain, plain]);
    expect(fromHex(one!.key)).toHaveLength(32);
    expect(one!.key).not.toBe(two!.key);
  });

  it('are not larger than can be sent', async () => {
    const huge = { size: FILE_BYTES_MAX + 1, type: '' } as Blob;
    await expect(checked([{ ...plain, file: huge }])).rejects.toMatchObject({ code: 'tooLarge' });
  });

  it('have the length that sealing gives them', () => {
    const bytes = (count: number): number => sealedBytes({ bytes: count });
    expect([0, 1, 65_536, 65_537].map(bytes)).toEqual([16, 17, 65_552, 65_569]);
  });
});

describe('turns', () => {
  it('are taken in order, so many at a time, and given back when work fails', async () => {
    const slots = new Slots(2);
    const { signal } = new AbortController();
    const order: string[] = [];
    const work = (name: string, fails = false) =>
      slots.use(signal, async () => {
        order.push(`+${name}`);
        await Promise.resolve();
        order.push(`-${name}`);
        if (fails) throw new Error(name);
      });
    const all = await Promise.allSettled([work('a', true), work('b'), work('c'), work('d')]);
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect(order.filter((one) => one.startsWith('+'))).toEqual(['+a', '+b', '+c', '+d']);
    let most = 0;
    order.reduce((now, one) => {
      const next = now + (one.startsWith('+') ? 1 : -1);
      most = Math.max(most, next);
      return next;
    }, 0);
    expect(most).toBe(2);
    expect(slots.isFree).toBe(true);
  });

  it('are not taken by those who no longer want one', async () => {
    const slots = new Slots(1);
    const lasting = new AbortController();
    let end = (): void => {};
    const first = slots.use(lasting.signal, () => new Promise<void>((resolve) => (end = resolve)));
    const abort = new AbortController();
    const second = slots.use(abort.signal, () => Promise.resolve('second'));
    const third = slots.use(lasting.signal, () => Promise.resolve('third'));
    abort.abort(new Error('unwanted'));
    await expect(second).rejects.toThrow('unwanted');
    end();
    await first;
    await expect(third).resolves.toBe('third');
    await expect(slots.use(abort.signal, () => Promise.resolve())).rejects.toThrow('unwanted');
  });
});

describe('waits', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('double up to a cap, are short again after something got further, and can be ended', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const pauses = new Pauses();
    const patience = new Patience(pauses, new AbortController().signal);
    const waited = async (): Promise<number> => {
      const from = Date.now();
      const wait = patience.wait();
      await vi.runAllTimersAsync();
      await wait;
      return Date.now() - from;
    };
    expect([await waited(), await waited(), await waited()]).toEqual([250, 500, 1_000]);
    for (let tries = 0; tries < 10; tries += 1) await waited();
    expect(await waited()).toBe(30_000);
    patience.renew();
    expect([await waited(), patience.tries]).toEqual([250, 1]);
    const ended = patience.wait();
    pauses.wake();
    await ended;
    vi.restoreAllMocks();
  });

  it('that the server asks for last', async () => {
    const pauses = new Pauses();
    const abort = new AbortController();
    let isOver = false;
    const wait = new Patience(pauses, abort.signal).wait(5_000).then(() => (isOver = true));
    pauses.wake();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(isOver).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await wait;
    expect(isOver).toBe(true);
    const stopped = pauses.wait(1_000, true, abort.signal);
    abort.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
  });
});

describe('room', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('is what the browser grants, without what messages need', async () => {
    const has = async (estimate: StorageEstimate, bytes: number): Promise<boolean> => {
      vi.stubGlobal('navigator', { storage: { estimate: () => Promise.resolve(estimate) } });
      return hasRoomFor(bytes);
    };
    const megabyte = 1024 * 1024;
    expect(await has({ quota: 100 * megabyte, usage: 60 * megabyte }, 8 * megabyte)).toBe(true);
    expect(await has({ quota: 100 * megabyte, usage: 60 * megabyte }, 8 * megabyte + 1)).toBe(false);
    expect(await has({}, 1e12)).toBe(true);
  });
});
