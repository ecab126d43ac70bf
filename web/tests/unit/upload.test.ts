/** One file on its way to where attachments are kept. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Pauses, Slots } from '../../src/core/worker/patience';
import type { Pieces } from '../../src/core/worker/pieces';
import type { Rest } from '../../src/core/worker/rest';

vi.mock('../../src/core/wasm/dunlin', () => ({ FileSealer: { partBytes: () => 10 } }));
vi.mock('../../src/core/worker/signed', () => ({ put: async () => {} }));
const { upload } = await import('../../src/core/worker/upload');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Asks a server that answers as it is told; resolves with what was asked, in order. */
async function asked(answers: (ask: number) => object): Promise<{ asks: string[]; end: unknown }> {
  const asks: string[] = [];
  const ask = async (method: string, path: string) => {
    asks.push(`${method} ${path}`);
    // More than a patient client asks for: one that does not wait would never come to an end.
    if (asks.length > 200) throw { code: 'tooLarge', message: 'asked too often' };
    return answers(asks.length - 1);
  };
  const uploaded = upload({
    hashes: { bytes: 25, whole: 'aa', parts: ['a', 'b', 'c'] },
    name: 'file',
    attachment: undefined,
    rest: { ask } as unknown as Rest,
    pieces: { get: async () => new Uint8Array(10) } as unknown as Pieces,
    slots: new Slots(2),
    pauses: new Pauses(),
    signal: new AbortController().signal,
    progress: () => {},
    running: () => {},
    paused: () => {},
    began: async () => {},
  }).catch((failure: unknown) => failure);
  await vi.runAllTimersAsync();
  return { asks, end: await uploaded };
}

const state = (partsThere: number[], parts: number[]) => ({
  attachmentId: 'id',
  complete: false,
  partsThere,
  uploads: parts.map((part) => ({ part, size: 10, url: '', method: 'PUT', headers: {} })),
});

it('goes on with the next addresses as long as parts arrive', async () => {
  const { asks, end } = await asked((ask) => [state([], [1, 2]), state([1, 2], [3])][ask] ?? {});
  expect(end).toBe('id');
  expect(asks).toEqual(['POST attachments', 'GET attachments/id', 'POST attachments/id/complete']);
});

it('waits, and gives up, when the server gives no address for what is missing', async () => {
  const { asks, end } = await asked(() => state([1], []));
  expect(end).toMatchObject({ code: 'internal' });
  expect(asks.length).toBeLessThan(20);
});
