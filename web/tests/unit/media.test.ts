import { describe, expect, it, vi } from 'vitest';
import type { Attachment, NewFile } from '../../src/core/api';
import { ending, shownAs, tamed, thumbnailType } from '../../src/media/kinds';
import { parts, savedName, shownName } from '../../src/media/names';
import { checksum, samplesOf, writeOgg } from '../../src/media/ogg';
import { fitted } from '../../src/media/picture';
import { choose, isMediaFile, prepare, thumbnailShare } from '../../src/media/prepare';
import { bars, waveform } from '../../src/media/waveform';
import { readWebm } from '../../src/media/webm';
import { Files } from '../../src/state/files';
import { failureText, KNOWN_CODES } from '../../src/state/failures';
import { Fingers, kept, scaled, WHOLE } from '../../src/app/media/zoom';
import { readFileSync } from 'node:fs';

const text = (value: string) => new TextEncoder().encode(value);

describe('what is shown', () => {
  it('is a short list, whatever else a type says', () => {
    const given = ['image/jpeg', 'IMAGE/PNG', 'image/webp; x=y', 'video/mp4', 'audio/ogg; codecs=opus'];
    expect(given.map(shownAs)).toEqual(['image', 'image', 'image', 'video', 'audio']);
    const others = [
      'image/svg+xml',
      'text/html',
      'application/pdf',
      'constructor',
      '__proto__',
      '',
      'image/png,text/html',
    ];
    for (const type of [...others, 'image/svg+xml;image/png', ' text/html'])
      expect(shownAs(type), type).toBe(undefined);
  });
  it('has a type of the list or none', () => {
    expect(tamed(new Blob(['x'], { type: 'text/html' }), 'image/PNG; charset=x').type).toBe('image/png');
    expect(tamed(new Blob(['x'], { type: 'text/html' }), 'text/html').type).toBe('application/octet-stream');
  });
  it('previews are told by their bytes', () => {
    expect(thumbnailType(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0))).toBe('image/jpeg');
    expect(thumbnailType(text('RIFF....WEBPVP8 '))).toBe('image/webp');
    expect(thumbnailType(text('<svg onload=x>'))).toBe(undefined);
    expect(thumbnailType(new Uint8Array())).toBe(undefined);
  });
});

describe('names of files', () => {
  it('show nothing that cannot be seen', () => {
    expect(shownName('holiday\u202Egpj.exe')).toBe('holidaygpj.exe');
    expect(shownName('a\u0000\u200B\u2066\n b')).toBe('a b');
    expect(shownName('עברית.pdf')).toBe('עברית.pdf');
  });
  it('keep their ending apart', () => {
    expect(parts('a long name.tar.gz')).toEqual({ stem: 'a long name.tar', end: '.gz' });
    expect(parts('.profile')).toEqual({ stem: '.profile', end: '' });
    expect(parts(`a.${'b'.repeat(40)}`).end).toBe('');
    expect([ending('a.PDF'), ending('a.tooolong'), ending('a.<b>')]).toEqual(['PDF', '', '']);
  });
  it('are saved in no other folder, as no device, and not too long', () => {
    expect(savedName('../../etc/passwd', 'file')).toBe('_.._etc_passwd');
    expect(savedName('C:\\x\\y.txt', 'file')).toBe('C__x_y.txt');
    expect(savedName('nul.txt', 'file')).toBe('_nul.txt');
    expect(savedName('...', 'file')).toBe('file');
    expect(savedName('\u202E', 'file')).toBe('file');
    const long = savedName(`${'ä'.repeat(300)}.pdf`, 'file');
    expect(long.endsWith('ä.pdf')).toBe(true);
    expect(text(long).length).toBeLessThanOrEqual(200);
  });
});

describe('voice messages', () => {
  const head = Uint8Array.of(...text('OpusHead'), 1, 1, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, 0);
  // CELT, 20 ms, one frame: 960 samples at 48 kHz (RFC 6716 section 3.1, table 2).
  const packet = (fill: number, length: number) => Uint8Array.of(0xf8, ...Array.from({ length }, () => fill));

  it('count samples by the first byte', () => {
    const first = (config: number, code: number, more = 0) => samplesOf(Uint8Array.of((config << 3) | code, more));
    expect([first(31, 0), first(31, 1), first(31, 3, 5), first(0, 0), first(3, 0), first(16, 0), first(12, 0)]).toEqual(
      [960, 1920, 4800, 480, 2880, 120, 480],
    );
  });

  it('are pages of Ogg with their sums, in order, the last one marked', () => {
    expect(checksum(text('123456789'))).toBe(0x89a1897f);
    const packets = Array.from({ length: 120 }, (_, index) => packet(index, index === 3 ? 600 : 255));
    const { bytes, durationMs } = writeOgg({ head, packets }, 7);
    expect(durationMs).toBe(Math.round((120 * 960 - 312) / 48));
    const found: Uint8Array[] = [];
    let parts: number[] = [];
    let at = 0;
    let pages = 0;
    while (at < bytes.length) {
      const view = new DataView(bytes.buffer, at);
      expect(new TextDecoder().decode(bytes.subarray(at, at + 4))).toBe('OggS');
      expect([view.getUint32(14, true), view.getUint32(18, true)]).toEqual([7, pages]);
      const count = view.getUint8(26);
      const table = [...bytes.subarray(at + 27, at + 27 + count)];
      const end = at + 27 + count + table.reduce((sum, part) => sum + part, 0);
      const page = bytes.slice(at, end);
      const sum = view.getUint32(22, true);
      page.fill(0, 22, 26);
      expect(checksum(page)).toBe(sum);
      expect(view.getUint8(5)).toBe(pages === 0 ? 2 : end === bytes.length ? 4 : 0);
      if (end === bytes.length) expect(Number(view.getBigUint64(6, true))).toBe(120 * 960);
      let from = at + 27 + count;
      for (const length of table) {
        parts.push(...bytes.subarray(from, from + length));
        from += length;
        if (length === 255) continue;
        found.push(Uint8Array.from(parts));
        parts = [];
      }
      at = end;
      pages += 1;
    }
    expect(pages).toBeGreaterThan(4);
    expect(found[0]).toEqual(head);
    expect(new TextDecoder().decode(found[1]?.subarray(0, 8))).toBe('OpusTags');
    expect(found.slice(2)).toEqual(packets);
  });

  it('are read out of WebM with lengths that are not known, cut off at the end', () => {
    const element = (id: number[], inside: number[]) => [
      ...id,
      0x40 | (inside.length >> 8),
      inside.length & 0xff,
      ...inside,
    ];
    const unknown = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    const block = (data: number[]) => element([0xa3], [0x81, 0, 0, 0x80, ...data]);
    const bytes = Uint8Array.from([
      ...element([0x1a, 0x45, 0xdf, 0xa3], [1, 2, 3]),
      ...[0x18, 0x53, 0x80, 0x67, ...unknown],
      ...element([0x16, 0x54, 0xae, 0x6b], element([0xae], element([0x63, 0xa2], [...head]))),
      ...[0x1f, 0x43, 0xb6, 0x75, ...unknown],
      ...element([0xe7], [0]),
      ...block([1, 2, 3]),
      ...element([0xa0], element([0xa1], [0x81, 0, 0, 0, 4, 5])),
      ...block([6, 7, 8, 9]).slice(0, -1),
    ]);
    const { head: read, packets } = readWebm(bytes);
    expect(read).toEqual(head);
    expect(packets.map((one) => [...one])).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    for (const wrong of [new Uint8Array(3), bytes.subarray(0, 30), Uint8Array.of(0)])
      expect(() => readWebm(wrong)).toThrow();
  });

  it('have bars that follow the loudest samples', () => {
    const samples = Float32Array.from({ length: 64_000 }, (_, index) => (index < 32_000 ? 0.5 : -1));
    const levels = waveform(samples);
    expect(levels).toHaveLength(64);
    expect([levels[0], levels[31], levels[32], levels[63]]).toEqual([128, 128, 255, 255]);
    expect(waveform(new Float32Array())).toEqual([]);
    expect(bars([0, 255], 4)).toEqual([0, 0, 1, 1]);
    expect(bars(undefined, 2)).toEqual([0, 0]);
    expect(bars([NaN, 1e9, -4], 3).every((bar) => bar >= 0 && bar <= 1)).toBe(true);
  });
});

it('chooses what can be sent and says what not', () => {
  const file = (name: string, size: number) => Object.defineProperty(new File(['x'], name), 'size', { value: size });
  const { taken, refused } = choose([file('a', 1), file('b', 0), file('c', 2 ** 31), file('d', 5)], 31);
  expect(taken.map(({ name }) => name)).toEqual(['a']);
  expect(refused).toEqual([
    { name: 'b', why: 'empty' },
    { name: 'c', why: 'tooLarge' },
    { name: 'd', why: 'tooMany' },
  ]);
  expect([thumbnailShare(1), thumbnailShare(32)]).toEqual([8192, 1280]);
  expect([fitted(4000, 3000, 2560), fitted(100, 1, 10), fitted(50, 40, 2560)]).toEqual([
    { width: 2560, height: 1920 },
    { width: 10, height: 1 },
    { width: 50, height: 40 },
  ]);
});

it('draws no picture, sends none: one that the browser cannot draw goes only when it is wanted unchanged', async () => {
  const heic = new File(['with the place'], 'IMG_1.HEIC', { type: 'image/heic' });
  expect(await prepare(heic, false, 8192)).toBe(undefined);
  expect(isMediaFile(new File(['x'], 'IMG_2.heic'))).toBe(true);
  expect(await prepare(new File(['x'], 'IMG_2.heic'), false, 8192)).toBe(undefined);
  const whole = await prepare(heic, true, 8192);
  expect([whole?.kind, whole?.file.type, whole?.file.size]).toEqual(['file', 'application/octet-stream', heic.size]);
  // A film that cannot be read is not drawn anyway.
  expect((await prepare(new File(['x'], 'a.mp4', { type: 'video/mp4' }), false, 8192))?.kind).toBe('file');
});

describe('files at hand', () => {
  const file = (id: string): Attachment => ({ id, kind: 'image', name: id, mediaType: 'image/png', bytes: 1 });

  it('are asked for once, a few at a time, and not when nobody waits any more', async () => {
    const open: string[] = [];
    const answers = new Map<string, (blob: Blob) => void>();
    const openFile = (_: string, __: unknown, id: string) => {
      open.push(id);
      return new Promise<Blob>((done) => answers.set(id, done));
    };
    const stopped: string[] = [];
    const files = new Files({ openFile, cancelTransfer: async (id) => void stopped.push(id) });
    const ask = (id: string, signal?: AbortSignal) => files.open('chat', { at: 1 }, file(id), signal);
    const first = ask('a');
    expect(ask('a')).toBe(first);
    const leaving = new AbortController();
    const begun = ask('b', leaving.signal);
    for (const id of ['c', 'd']) void ask(id);
    const late = ask('late');
    const left = ask('left', leaving.signal);
    // One of the two who wait for it stays.
    const shared = [ask('shared', leaving.signal), ask('shared')];
    void ask('newer');
    // Asked again, it is what is looked at.
    void ask('late');
    expect(open).toEqual(['a', 'b', 'c', 'd']);
    answers.get('a')?.(new Blob(['<script>'], { type: 'text/html' }));
    expect((await first).type).toBe('image/png');
    await vi.waitFor(() => expect(open.at(-1)).toBe('late'));
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: 'cancelled' });
    await expect(begun).rejects.toMatchObject({ code: 'cancelled' });
    expect(stopped).toEqual(['b']);
    // It is asked for anew by who comes back, though the core has not ended it yet.
    const again = ask('b');
    expect(again).not.toBe(begun);
    answers.get('late')?.(new Blob(['x']));
    await late;
    await vi.waitFor(() => expect(open.at(-1)).toBe('b'));
    answers.get('b')?.(new Blob(['x']));
    await again;
    answers.get('c')?.(new Blob(['x']));
    await vi.waitFor(() => expect(open).toContain('shared'));
    answers.get('shared')?.(new Blob(['x']));
    await Promise.all(shared);
    expect(open).not.toContain('left');
    expect(files.held(file('a'))).toBeInstanceOf(Blob);
  });

  it('are read while others wait for the connection', async () => {
    const open: string[] = [];
    const files = new Files({
      openFile: (_: string, __: unknown, id: string) => (open.push(id), new Promise<Blob>(() => {})),
      cancelTransfer: async () => {},
    });
    for (const id of ['a', 'b', 'c', 'd', 'e']) void files.open('chat', { at: 1 }, file(id));
    expect(open).toEqual(['a', 'b', 'c', 'd']);
    const told = { type: 'transfer', chat: 'chat', sent: 0, total: 1 } as const;
    files.hear({ ...told, id: 'b', way: 'up', state: 'paused' });
    expect(open).toHaveLength(4);
    files.hear({ ...told, id: 'b', way: 'down', state: 'paused' });
    expect(open.at(-1)).toBe('e');
    files.hear({ ...told, id: 'b', way: 'down', state: 'running' });
    void files.open('chat', { at: 1 }, file('f'));
    expect(open).toHaveLength(5);
  });

  it('are let go, the least recently used first, when there are too many or they are too large', async () => {
    const openFile = async () => new Blob([new Uint8Array(20 * 1024 * 1024)]);
    const files = new Files({ openFile, cancelTransfer: async () => {} });
    for (const id of ['a', 'b', 'c', 'd']) await files.open('chat', { at: 1 }, file(id));
    expect(files.held(file('a'))).toBeDefined();
    await files.open('chat', { at: 1 }, file('e'));
    expect(['a', 'b', 'c', 'd', 'e'].filter((id) => files.held(file(id)))).toEqual(['a', 'c', 'd', 'e']);
    files.sent({ file: new Blob([new Uint8Array(30 * 1024 * 1024)]), kind: 'file', name: 'large' });
    expect(files.held({ ...file('x'), name: 'large', bytes: 30 * 1024 * 1024 }, true)).toBe(undefined);
  });

  it('of one who has just sent them are found by name and size, and by no one else', () => {
    const files = new Files({ openFile: async () => new Blob(), cancelTransfer: async () => {} });
    const sent: NewFile = { file: new Blob(['x'], { type: 'image/png' }), kind: 'image', name: 'n' };
    files.sent(sent);
    expect(files.held({ ...file('id'), name: 'n' }, true)?.type).toBe('image/png');
    expect(files.held({ ...file('id'), name: 'n' }, false)).toBe(undefined);
  });

  it('are not mixed up when they are voice messages of one length', async () => {
    const files = new Files({ openFile: async () => new Blob(), cancelTransfer: async () => {} });
    const voice = { kind: 'voice', name: 'voice-message.ogg', durationMs: 900 } as const;
    files.sent({ ...voice, file: new Blob(['1']), waveform: [1, 2] });
    files.sent({ ...voice, file: new Blob(['2']), waveform: [2, 1] });
    const held = files.held({ ...file('id'), ...voice, waveform: [1, 2] }, true);
    expect(await held?.text()).toBe('1');
  });
});

it('enlarges about a point and keeps the picture in sight', () => {
  const size = { width: 400, height: 200 };
  expect(scaled(WHOLE, 2, { x: 100, y: 0 }, size)).toEqual({ scale: 2, x: -100, y: 0 });
  expect(scaled(WHOLE, 100, { x: 0, y: 0 }, size).scale).toBe(6);
  expect(scaled({ scale: 2, x: 50, y: 0 }, 0.1, { x: 0, y: 0 }, size)).toMatchObject({
    scale: 1,
    x: expect.closeTo(0),
    y: expect.closeTo(0),
  });
  expect(kept({ scale: 2, x: 9000, y: -9000 }, size)).toEqual({ scale: 2, x: 200, y: -100 });
  const fingers = new Fingers();
  fingers.press(1, { x: 0, y: 0 });
  fingers.press(2, { x: 100, y: 0 });
  expect(fingers.move(2, { x: 200, y: 0 }, WHOLE, { x: 100, y: 0 }, size).scale).toBe(2);
  expect(fingers.lift(2, { x: 200, y: 0 }, 0, 2)).toBe(undefined);
  expect(fingers.lift(1, { x: -200, y: 0 }, 0, 1)).toBe(undefined);
  fingers.press(1, { x: 0, y: 0 });
  expect(fingers.lift(1, { x: -90, y: 10 }, 0, 1)).toBe('left');
  fingers.press(1, { x: 0, y: 0 });
  expect(fingers.lift(1, { x: -90, y: 10 }, 0, 2)).toBe(undefined);
});

it('every code of the protocol and of the core has a sentence of its own', () => {
  const page = readFileSync('../docs/protocol.md', 'utf8');
  const table = page.slice(page.indexOf('## Errors'), page.indexOf('## Close codes'));
  const codes = [...table.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '');
  expect(codes.length).toBeGreaterThan(20);
  const api = readFileSync('src/core/api.ts', 'utf8');
  const own = [
    ...api.slice(api.indexOf('An error with'), api.indexOf('export interface Failure')).matchAll(/'(\w+)'/g),
  ];
  for (const code of [...codes, ...own.map((match) => match[1] ?? '')])
    if (code !== 'cancelled') expect(KNOWN_CODES, code).toContain(code);
  expect(failureText({ code: 'tooLarge', message: 'English' }, 'file')).toBe('The file is too large.');
  expect(failureText({ code: 'newCode', message: 'English' })).toBe('That did not work (newCode).');
  expect(failureText(new Error('English'))).toBe('That did not work.');
});
