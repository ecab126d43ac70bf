/** Files of messages, checked and opened: from here, or from where attachments are kept. */
import { FILE_BYTES_MAX, type ChatId, type CoreEvent, type Failure, type Place } from '../api';
import { failureOf } from '../messages';
import { FileOpener, FileSealer } from '../wasm/dunlin';
import type { Cache, Cached } from './cached';
import type { KeptFile } from './core';
import type { Driver } from './driver';
import { safeType } from './mediatypes';
import { sealedBytes } from './newfiles';
import { Patience, Pauses, Slots } from './patience';
import type { Pieces } from './pieces';
import { Teller } from './progress';
import type { Rest } from './rest';
import { hasRoomFor } from './room';
import { Cutter } from './sealing';
import { read, type SignedRequest } from './signed';

/** Files that are read at a time: from the server, and from here. Those that wait to be tried again are not counted. */
const AT_ONCE = 3;
const FROM_HERE_AT_ONCE = 2;
/** Files that are asked for at a time. */
const ASKED_MAX = 64;
/** Attempts in a row in which nothing got further. */
const TRIES_MAX = 8;
/** Opened bytes that become a piece of the blob. */
const BLOB_PIECE_BYTES = 1024 * 1024;
/** Bytes that are opened in one go. */
const STRETCH_BYTES = 512 * 1024;

const GONE: Failure = { code: 'gone', message: 'The file is not there any more.' };
const NO_SUCH_FILE: Failure = { code: 'noSuchFile', message: 'There is no such file here.' };
const BUSY: Failure = { code: 'busy', message: 'Too many files are being opened. Try again in a moment.' };
const TAMPERED: Failure = { code: 'tampered', message: 'The file is not what its sender sent.' };
const TOO_LARGE: Failure = { code: 'tooLarge', message: 'The file is too large to be opened here.' };
export const CANCELLED: Failure = { code: 'cancelled', message: 'It was cancelled.' };

interface Source extends SignedRequest {
  size: number;
}
interface Wanted {
  chat: ChatId;
  place: Place;
  id: string;
  file: KeptFile;
  signal: AbortSignal;
}

export class Downloads {
  private readonly underWay = new Map<string, { blob: Promise<Blob>; abort: AbortController }>();
  private readonly slots = new Slots(AT_ONCE);
  private readonly slotsHere = new Slots(FROM_HERE_AT_ONCE);
  private readonly pauses = new Pauses();
  private lastName = 0;

  constructor(
    private readonly parts: { driver: Driver; rest: Rest; pieces: Pieces; cache: Cache },
    private readonly tell: (event: CoreEvent) => void,
  ) {}

  open(chat: ChatId, place: Place, id: string): Promise<Blob> {
    const before = this.underWay.get(id);
    if (before) return before.blob;
    if (this.underWay.size >= ASKED_MAX) return Promise.reject(BUSY);
    const abort = new AbortController();
    const blob = this.opened(chat, place, id, abort.signal).finally(() => {
      if (this.underWay.get(id)?.abort === abort) this.underWay.delete(id);
    });
    this.underWay.set(id, { blob, abort });
    return blob;
  }

  /** Whether there was one. */
  cancel(id: string): boolean {
    const one = this.underWay.get(id);
    one?.abort.abort(CANCELLED);
    // Who asks for it now begins it anew.
    return this.underWay.delete(id);
  }

  stop(failure: Failure): void {
    for (const { abort } of this.underWay.values()) abort.abort(failure);
  }

  /** There is a connection again. */
  wake(): void {
    this.pauses.wake();
  }

  private async opened(chat: ChatId, place: Place, id: string, signal: AbortSignal): Promise<Blob> {
    const { driver } = this.parts;
    const file = (await driver.ask({ type: 'file', chat, place, attachment: id })) as KeptFile | undefined;
    if (!file) throw NO_SUCH_FILE;
    if (file.bytes > FILE_BYTES_MAX) throw TOO_LARGE;
    const wanted = { chat, place, id, file, signal };
    // What is here does not wait for what cannot be had.
    return (await this.slotsHere.use(signal, () => this.fromHere(wanted))) ?? this.fromServer(wanted);
  }

  private async fromHere({ id, file, signal }: Wanted): Promise<Blob | undefined> {
    const { cache, pieces } = this.parts;
    const cached = cache.find(id);
    if (!cached) return undefined;
    try {
      const opening = new Opening(file);
      for (let number = 1; number <= cached.pieces; number += 1) {
        signal.throwIfAborted();
        const piece = await pieces.get(cached.name, number);
        if (!piece) throw TAMPERED;
        for (let at = 0; at < piece.length; at += STRETCH_BYTES) {
          opening.add(piece.subarray(at, at + STRETCH_BYTES));
          // The core gets its turn.
          await new Promise((resolve) => setTimeout(resolve));
        }
      }
      return opening.finish();
    } catch (error) {
      signal.throwIfAborted();
      console.warn('a kept file cannot be read', failureOf(error).code);
      await cache.remove([cached]);
      return undefined;
    }
  }

  private async fromServer(wanted: Wanted): Promise<Blob> {
    const { chat, id, file, signal } = wanted;
    const total = sealedBytes(file);
    const teller = new Teller(this.tell, { id, chat, way: 'down', total });
    const isKept = this.parts.cache.takes(total) && (await hasRoomFor(total));
    const copy = new Copy(this.parts, id, `${id}/${Date.now()}-${(this.lastName += 1)}`, total, isKept);
    try {
      const blob = await this.read(wanted, copy, teller);
      // The server is not told that this user has the file, as it might remove it then: browsers may forget what they keep.
      await copy.keep();
      teller.state('done', total);
      return blob;
    } catch (error) {
      copy.drop();
      const failure = signal.aborted ? failureOf(signal.reason) : failureOf(error);
      teller.state(failure.code === 'cancelled' ? 'cancelled' : 'failed', 0, failure);
      throw failure;
    }
  }

  private async read(wanted: Wanted, copy: Copy, teller: Teller): Promise<Blob> {
    const { file, signal } = wanted;
    const opening = new Opening(file);
    const patience = new Patience(this.pauses, signal);
    while (!opening.isWhole) {
      const before = opening.place;
      try {
        await this.slots.use(signal, () => this.readOn(wanted, opening, copy, teller));
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(error);
        if (opening.place > before) patience.renew();
        if (failure.code === 'notFound') throw GONE;
        if (failure.code === 'invalidAttachment') throw TAMPERED;
        if (isDefinite(failure) || patience.tries >= TRIES_MAX) throw failure;
        teller.state('paused', opening.place, failure);
        await patience.wait(failure.retryAfter);
      }
    }
    return opening.finish();
  }

  /** To the end, or until the connection breaks. */
  private async readOn(wanted: Wanted, opening: Opening, copy: Copy, teller: Teller): Promise<void> {
    teller.state('running', opening.place);
    const source = (await this.parts.rest.ask('GET', pathOf(wanted))) as Source;
    if (source.size !== opening.total) throw TAMPERED;
    for await (const bytes of read(source, opening.place, wanted.signal)) {
      opening.add(bytes);
      await copy.add(bytes);
      teller.progress(opening.place);
    }
    if (!opening.isWhole) throw { code: 'offline', message: 'The connection broke.' } satisfies Failure;
  }
}

function pathOf({ chat, place, id }: Wanted): string {
  if (!('at' in place)) throw NO_SUCH_FILE;
  return `chats/${chat}/messages/${place.at}/attachments/${id}`;
}

/** An address whose time is over is asked for anew: `forbidden` passes. */
function isDefinite({ code }: Failure): boolean {
  return ['tampered', 'gone', 'unauthenticated', 'deviceRevoked', 'storage'].includes(code);
}

/** A blob in the making. */
class Opening {
  private readonly opener: FileOpener;
  private readonly pieces: Blob[] = [];
  private loose: Uint8Array<ArrayBuffer>[] = [];
  private looseBytes = 0;
  private readonly type: string;
  readonly total: number;

  constructor({ key, digest, bytes, mediaType }: KeptFile) {
    this.opener = new FileOpener(key, digest, bytes);
    this.total = this.opener.sealedBytes;
    this.type = safeType(mediaType);
  }

  get place(): number {
    return this.opener.place;
  }

  get isWhole(): boolean {
    return this.opener.place === this.total;
  }

  add(bytes: Uint8Array): void {
    const opened = this.opener.open(bytes) as Uint8Array<ArrayBuffer>;
    if (opened.length === 0) return;
    this.loose.push(opened);
    this.looseBytes += opened.length;
    if (this.looseBytes >= BLOB_PIECE_BYTES) this.gather();
  }

  /** Nothing is given out before all of it is verified. */
  finish(): Blob {
    this.opener.finish();
    this.gather();
    return new Blob(this.pieces, { type: this.type });
  }

  /** Blobs are the browser's to keep, and count for no heap. */
  private gather(): void {
    this.pieces.push(new Blob(this.loose));
    this.loose = [];
    this.looseBytes = 0;
  }
}

/** What was read, as it came, for the cache. That it cannot be kept is no reason not to open the file. */
class Copy {
  private count = 0;
  private readonly cutter: Cutter;

  constructor(
    private readonly parts: { driver: Driver; pieces: Pieces; cache: Cache },
    private readonly id: string,
    private readonly name: string,
    private readonly bytes: number,
    private isKept: boolean,
  ) {
    this.cutter = new Cutter(FileSealer.partBytes(), (piece) => parts.pieces.put(name, (this.count += 1), piece));
  }

  add(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.attempt(() => this.cutter.add(bytes));
  }

  /** Keeps all of it, if it can be. */
  async keep(): Promise<void> {
    await this.attempt(async () => {
      await this.cutter.end();
      const { driver, cache } = this.parts;
      const file: Cached = { id: this.id, name: this.name, bytes: this.bytes, pieces: this.count };
      let added: { done: () => void } | undefined;
      await driver.change((core) => void (added = cache.add(core, [file])));
      added?.done();
    });
  }

  drop(): void {
    if (this.isKept) void this.parts.pieces.remove(this.name).catch(() => {});
    this.isKept = false;
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    if (!this.isKept) return;
    try {
      await work();
    } catch (error) {
      console.warn('a file cannot be kept here', error);
      this.drop();
    }
  }
}
