/** Pictures of chats: made small enough to live in a message, and shown only if they are safe to unpack. */
import { describe, expect, it, vi } from 'vitest';
import { fitting, middle, shownFace } from '../../src/media/face';
import { hasPreview } from '../../src/app/media/thumbnail';
import type { Attachment } from '../../src/core/api';
import { Faces } from '../../src/state/faces';

const bytes = (...parts: (string | number[])[]) =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));
const two = (number: number) => [number >> 8, number & 0xff];

const jpeg = (width: number, height: number, before: number[] = []) =>
  bytes([0xff, 0xd8], before, [0xff, 0xe0, 0, 4, 1, 1], [0xff, 0xc2, 0, 8, 8], two(height), two(width), [1, 0, 0, 0]);
const webp = (kind: string, ...data: (string | number[])[]) => bytes('RIFF....WEBP', kind, '....', ...data);
const lossy = (width: number, height: number) =>
  webp('VP8 ', [0, 0, 0, 0x9d, 1, 0x2a], two(width).reverse(), two(height).reverse());
const lossless = (width: number, height: number) => {
  const bits = (width - 1) | ((height - 1) << 14);
  return webp('VP8L', [0x2f, bits & 0xff, (bits >>> 8) & 0xff, (bits >>> 16) & 0xff, bits >>> 24]);
};
const extended = (width: number, height: number, flags = 0) => {
  const three = (side: number) => [(side - 1) & 0xff, (side - 1) >> 8, 0];
  return webp('VP8X', [flags, 0, 0, 0], three(width), three(height));
};

describe('a picture of a chat that is made', () => {
  it('is the square in the middle', () => {
    expect(middle(400, 300)).toEqual({ x: 50, y: 0, side: 300 });
    expect(middle(3, 1001)).toEqual({ x: 0, y: 499, side: 3 });
  });

  it('is the best one that fits', async () => {
    const tried: string[] = [];
    const encode = async (side: number, quality: number) => {
      tried.push(`${side} ${quality}`);
      return new Blob([new Uint8Array(Math.round(side * side * quality * 0.4))]);
    };
    const blob = await fitting(encode, 8192);
    expect(blob?.size).toBeLessThanOrEqual(8192);
    expect(tried.slice(0, 3)).toEqual(['256 0.85', '256 0.7', '192 0.75']);
    expect(tried.at(-1)).toBe('192 0.45');
    expect(await fitting(encode, 4)).toBe(undefined);
  });
});

describe('a picture of a chat that is shown', () => {
  it('is a JPEG or a WebP, by its first bytes', () => {
    expect(shownFace(jpeg(192, 192))?.type).toBe('image/jpeg');
    for (const picture of [lossy(192, 191), lossless(192, 191), extended(192, 191)]) {
      expect(shownFace(picture)?.type).toBe('image/webp');
    }
    for (const other of [
      bytes('<svg onload=x>'),
      bytes('\x89PNG\r\n'),
      bytes('GIF89a'),
      new Uint8Array(),
      webp('ALPH'),
    ])
      expect(shownFace(other)).toBe(undefined);
  });

  it('is not larger than it may be, whichever way it says so', () => {
    for (const make of [jpeg, lossy, lossless, extended]) {
      expect(shownFace(make(1024, 1024)), make.name).toBeDefined();
      expect(shownFace(make(1025, 10)), make.name).toBe(undefined);
      expect(shownFace(make(10, 16_000)), make.name).toBe(undefined);
    }
    expect(shownFace(jpeg(0, 10))).toBe(undefined);
  });

  it('hides no larger one behind what decoders pass over', () => {
    // A marker without a length: who takes the next bytes for one passes over the frame that is read.
    const hidden = [0xff, 0xd0, 0, 15, ...jpeg(9000, 9000).slice(8, 21)];
    expect(shownFace(jpeg(10, 10, hidden))).toBe(undefined);
    // Filling before a marker is allowed.
    expect(shownFace(jpeg(10, 10, [0xff, 0xff]))).toBeDefined();
    expect(shownFace(jpeg(10, 10).slice(0, 12))).toBe(undefined);
  });

  it('does not move', () => {
    expect(shownFace(extended(100, 100, 0x02))).toBe(undefined);
  });
});

describe('pictures in a page', () => {
  const image = () => {
    const fake = { src: '', removeAttribute: () => (fake.src = ''), onerror: null };
    return fake as unknown as HTMLImageElement;
  };
  const settled = () => new Promise((done) => setTimeout(done));

  it('have one address each, which goes when nobody needs it', async () => {
    const made = vi.spyOn(URL, 'createObjectURL');
    const revoked = vi.spyOn(URL, 'revokeObjectURL');
    const asked: string[] = [];
    const faces = new Faces({
      chatPicture: async (chat) => {
        asked.push(chat);
        return jpeg(10, 10);
      },
      personPicture: fail,
    });
    const [one, other] = [image(), image()];
    const ends = [faces.ofChat('a', '1')(one), faces.ofChat('a', '1')(other)];
    await settled();
    expect(one.src).toMatch(/^blob:/);
    expect(other.src).toBe(one.src);
    expect([asked.length, made.mock.calls.length]).toEqual([1, 1]);
    ends[0]?.();
    for (let number = 0; number < 250; number += 1) {
      const end = faces.ofChat(`b${number}`, '1')(image());
      await settled();
      end();
    }
    expect(revoked.mock.calls.length).toBe(50);
    expect(revoked.mock.calls.flat()).not.toContain(one.src);
    ends[1]?.();
    expect(revoked.mock.calls.flat()).toContain(one.src);
    made.mockRestore();
    revoked.mockRestore();
  });

  it('are asked for again when the answer was none, and what is no picture is not shown', async () => {
    const answers = [() => Promise.reject({ code: 'stopped' }), async () => jpeg(10, 10), async () => bytes('<svg>')];
    const faces = new Faces({ chatPicture: () => (answers.shift() ?? answers[0] ?? fail)(), personPicture: fail });
    const first = image();
    faces.ofChat('a', '1')(first);
    await settled();
    expect(first.src).toBe('');
    const again = image();
    faces.ofChat('a', '1')(again);
    await settled();
    expect(again.src).toMatch(/^blob:/);
    // The next one is no picture: the one before goes.
    faces.ofChat('a', '2')(again);
    await settled();
    expect(again.src).toBe('');
  });

  it('of people are asked for by who they are', async () => {
    const faces = new Faces({
      chatPicture: fail,
      personPicture: async (user) => (user === 'ada' ? jpeg(9, 9) : undefined),
    });
    const [ada, ben] = [image(), image()];
    faces.ofPerson('ada', '1')(ada);
    faces.ofPerson('ben', '1')(ben);
    await settled();
    expect([/^blob:/.test(ada.src), ben.src]).toEqual([true, '']);
  });
});

function fail(): never {
  throw new Error('it was asked for too often');
}

it('the preview of a file is shown only if it is safe to unpack, too', () => {
  const file = (thumbnail: Uint8Array) => ({ name: 'a.jpg', thumbnail }) as unknown as Attachment;
  expect(hasPreview(file(lossless(72, 54)))).toBe(true);
  expect(hasPreview(file(lossless(16_383, 16_383)))).toBe(false);
});
