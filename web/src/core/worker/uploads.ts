/**
 * Messages with files: sealed and kept, uploaded, then put in the outbox. What is needed to go on is in the vault's rows, so that it
 * outlives the worker. The message and the end of its transfer are stored as one: it is sent once.
 */
import { TRANSFERS_MAX, type ChatId, type CoreEvent, type Failure, type Mention, type NewFile, type Seq, type Transfer } from '../api';
import { failureOf } from '../messages';
import type { Core } from '../wasm/dunlin';
import type { Cache, Cached } from './cached';
import type { Commands } from './commands';
import type { FilesWish } from './core';
import { CANCELLED } from './download';
import type { Driver } from './driver';
import { fromHex } from './hex';
import { checked, sealedBytes, shown, wishOf, type Going } from './newfiles';
import { Pauses, Slots } from './patience';
import { readKept } from './people';
import type { Pieces } from './pieces';
import { Teller } from './progress';
import type { Rest } from './rest';
import { hasRoomFor } from './room';
import { seal } from './sealing';
import { INTERRUPTED, upload } from './upload';

/** Files, and parts of files, that are uploaded at a time. */
const FILES_AT_ONCE = 2;
const PARTS_AT_ONCE = 2;
/** Bytes of all files that wait. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024 * 1024;
/**
 * The server removes after a day what no message names (`UNSENT_KEPT` in crates/delivery/src/attachments.rs). An upload that was begun longer
 * ago is begun anew before it is sent, so often at most: what takes longer than that to go up does not get there.
 */
const UNSENT_TIME_MAX_MS = 20 * 60 * 60_000;
const ROUNDS_MAX = 3;

const ROW = 'transfers';

/** What is said with files. */
export interface Words {
  caption: string;
  mentions?: Mention[];
  replyTo?: Seq;
}

/** A transfer as it is kept. */
interface Kept extends Words {
  id: string;
  chat: ChatId;
  began: number;
  files: Going[];
  failure?: Failure;
}

interface Job {
  kept: Kept;
  state: Transfer['state'];
  failure: Failure | undefined;
  /** Bytes of each file that are there. */
  sent: number[];
  abort: AbortController;
  teller: Teller;
  /** From here on it is the outbox's. */
  isSent: boolean;
}

interface Parts {
  driver: Driver;
  rest: Rest;
  commands: Commands;
  pieces: Pieces;
  cache: Cache;
}

export class Uploads {
  private readonly jobs = new Map<string, Job>();
  private readonly sealing = new Slots(1);
  private readonly fileSlots = new Slots(FILES_AT_ONCE);
  private readonly partSlots = new Slots(PARTS_AT_ONCE);
  private readonly pauses = new Pauses();
  /** Transfers that are being checked. */
  private beginning = 0;

  constructor(
    private readonly parts: Parts,
    private readonly tell: (event: CoreEvent) => void,
  ) {
    for (const id of readKept<string[]>(parts.driver, ROW) ?? []) {
      const kept = readKept<Kept>(parts.driver, rowOf(id));
      if (kept) this.jobs.set(id, this.job(kept));
    }
  }

  /** What pieces are stored under. */
  get names(): string[] {
    return [...this.jobs.values()].flatMap(({ kept }) => kept.files.map((_, index) => nameOf(kept, index)));
  }

  /** Goes on with what was under way when the worker ended. */
  start(): void {
    for (const job of this.jobs.values()) {
      if (job.state === 'failed') continue;
      if (job.kept.files.every(({ hashes }) => hashes)) void this.run(job);
      else this.become(job, 'failed', INTERRUPTED);
    }
  }

  stop(failure: Failure): void {
    for (const { abort } of this.jobs.values()) abort.abort(failure);
  }

  /** There is a connection again. */
  wake(): void {
    this.pauses.wake();
  }

  list(chat: ChatId | undefined): Transfer[] {
    const jobs = [...this.jobs.values()].filter(({ kept }) => chat === undefined || kept.chat === chat);
    return jobs.map(({ kept, state, failure, sent }) => ({
      id: kept.id,
      chat: kept.chat,
      began: kept.began,
      caption: kept.caption,
      mentions: kept.mentions ?? [],
      ...(kept.replyTo === undefined ? {} : { replyTo: kept.replyTo }),
      files: kept.files.map((file, index) => shown(file, nameOf(kept, index))),
      sent: sum(sent),
      total: sum(kept.files.map(sealedBytes)),
      state,
      ...(failure ? { failure } : {}),
    }));
  }

  async send(chat: ChatId, given: NewFile[], words: Words): Promise<string> {
    const waiting = sum([...this.jobs.values()].flatMap(({ kept }) => kept.files.map(({ bytes }) => bytes)));
    const isTooMuch = waiting + sum(given.map(({ file }) => file.size)) > WAITING_BYTES_MAX;
    if (isTooMuch || this.jobs.size + this.beginning >= TRANSFERS_MAX) {
      throw { code: 'limitReached', message: 'Too much waits to be sent already.' } satisfies Failure;
    }
    this.beginning += 1;
    const job = await this.begin(chat, given, words).finally(() => (this.beginning -= 1));
    const { kept, abort, teller } = job;
    try {
      await this.keep(kept);
      await this.sealing.use(abort.signal, () => this.seal(job, given));
      await this.keep(kept);
      abort.signal.throwIfAborted();
    } catch (error) {
      const failure = failureOf(abort.signal.aborted ? abort.signal.reason : error);
      // It is shown as interrupted when the app begins again; who cancelled it late has seen to the rest.
      if (failure.code === 'stopped' || !this.jobs.has(kept.id)) throw failure;
      // Some browsers do not say how much room there is, until there is none: the next attempt has more.
      if (failure.code === 'storage') await this.parts.cache.remove().catch(() => {});
      await this.forget(job);
      // There is nothing left to be tried again; whoever began it learns why.
      teller.state('cancelled', 0, failure);
      throw failure;
    }
    void this.run(job);
    return kept.id;
  }

  /** What is refused here was never there. */
  private async begin(chat: ChatId, given: NewFile[], words: Words): Promise<Job> {
    const files = await checked(given);
    const kept: Kept = { id: crypto.randomUUID(), chat, began: Date.now(), files, ...words };
    await this.parts.driver.ask({ type: 'checkFiles', ...messageOf(kept) });
    await this.makeRoom(sum(files.map(sealedBytes)));
    const job = this.job(kept);
    this.jobs.set(kept.id, job);
    job.teller.state('running', 0);
    return job;
  }

  /** What was opened before can be fetched again. */
  private async makeRoom(bytes: number): Promise<void> {
    if (await hasRoomFor(bytes)) return;
    await this.parts.cache.remove();
    if (!(await hasRoomFor(bytes))) throw { code: 'storage', message: 'This device has no room for the file.' };
  }

  private async seal({ kept, abort }: Job, given: NewFile[]): Promise<void> {
    for (const [index, file] of kept.files.entries()) {
      const { file: blob } = given[index] as NewFile;
      file.hashes = await seal(blob, fromHex(file.key), nameOf(kept, index), this.parts.pieces, abort.signal);
    }
  }

  async cancel(id: string): Promise<boolean> {
    const job = this.jobs.get(id);
    if (!job || job.isSent) return job !== undefined;
    const wasSealed = job.kept.files.every(({ hashes }) => hashes);
    job.abort.abort(CANCELLED);
    // Until it is sealed, who began it sees to the rest.
    if (wasSealed || job.state === 'failed') {
      await this.forget(job);
      job.teller.state('cancelled', 0, CANCELLED);
    }
    return true;
  }

  async retry(id: string): Promise<void> {
    const job = this.jobs.get(id);
    if (!job) throw { code: 'notFound', message: 'There is no such transfer.' } satisfies Failure;
    if (job.state !== 'failed') return this.pauses.wake();
    const { kept } = job;
    if (!kept.files.every(({ hashes }) => hashes)) throw INTERRUPTED;
    // Before anything is waited for: whoever asks again finds it running, and who cancels it ends this attempt.
    const abort = (job.abort = new AbortController());
    this.become(job, 'running');
    delete kept.failure;
    try {
      await this.keep(kept);
    } catch (error) {
      if (!abort.signal.aborted) this.become(job, 'failed', failureOf(error));
      throw error;
    }
    if (!abort.signal.aborted && this.jobs.has(id)) void this.run(job);
  }

  private job(kept: Kept): Job {
    const total = sum(kept.files.map(sealedBytes));
    const teller = new Teller(this.tell, { id: kept.id, chat: kept.chat, way: 'up', total });
    const state = kept.failure ? 'failed' : 'running';
    const sent = kept.files.map(() => 0);
    return { kept, state, failure: kept.failure, sent, abort: new AbortController(), teller, isSent: false };
  }

  private become(job: Job, state: Transfer['state'], failure?: Failure): void {
    if (job.state === state && job.failure?.code === failure?.code) return;
    Object.assign(job, { state, failure });
    job.teller.state(state, sum(job.sent), failure);
  }

  /** Uploads what is not there yet, and sends the message. Never rejects. */
  private async run(job: Job): Promise<void> {
    const { kept, abort } = job;
    this.become(job, this.fileSlots.isFree ? 'running' : 'paused');
    try {
      let left = [...kept.files.entries()];
      for (let round = 0; round < ROUNDS_MAX && left.length > 0; round += 1) {
        const files = left.map(([index, file]) =>
          this.fileSlots.use(abort.signal, () => this.upload(job, file, index)),
        );
        await Promise.all(files);
        // The first of many files may have waited for the last for a day.
        left = left.filter(([, file]) => isStale(file, kept));
      }
      this.become(job, 'running');
      await this.finish(job);
    } catch (error) {
      // Whoever stopped it has seen to it.
      if (abort.signal.aborted) return;
      const failure = failureOf(error);
      // Ends the others of the message.
      abort.abort(failure);
      if (failure.code === 'stopped') return;
      this.become(job, 'failed', failure);
      kept.failure = failure;
      await this.keep(kept).catch(() => {});
    }
  }

  private async upload(job: Job, file: Going, index: number): Promise<void> {
    const { kept, abort } = job;
    const { rest, pieces } = this.parts;
    if (!file.hashes) throw INTERRUPTED;
    if (isStale(file, kept)) delete file.attachment;
    // What ends after it was stopped must not speak for the attempt that followed.
    const ifOn = (act: () => void): void => {
      if (!abort.signal.aborted) act();
    };
    const attachment = await upload({
      hashes: file.hashes,
      name: nameOf(kept, index),
      attachment: file.attachment,
      rest,
      pieces,
      slots: this.partSlots,
      pauses: this.pauses,
      signal: abort.signal,
      progress: (bytes) =>
        ifOn(() => {
          job.sent[index] = bytes;
          job.teller.progress(sum(job.sent));
        }),
      running: () => ifOn(() => this.become(job, 'running')),
      paused: (failure) => ifOn(() => this.become(job, 'paused', failure)),
      began: async (attachment) => {
        abort.signal.throwIfAborted();
        Object.assign(file, { attachment, begun: Date.now() });
        await this.keep(kept);
      },
    });
    abort.signal.throwIfAborted();
    file.attachment = attachment;
    job.sent[index] = file.hashes.bytes;
  }

  private async finish(job: Job): Promise<void> {
    const { kept, abort } = job;
    const { commands, cache } = this.parts;
    abort.signal.throwIfAborted();
    job.isSent = true;
    let added: { done: () => void } | undefined;
    try {
      await commands.act({ type: 'sendFiles', ...messageOf(kept) }, 'stored', (core, end) => {
        if (end?.failure) return;
        this.jobs.delete(kept.id);
        this.write(core, kept.id, undefined);
        added = cache.add(core, cachedOf(kept));
      });
    } catch (error) {
      job.isSent = false;
      throw error;
    }
    added?.done();
    job.teller.state('done', sum(job.sent));
  }

  private async forget({ kept }: Job): Promise<void> {
    this.jobs.delete(kept.id);
    // First, since where there was no room the row could not be written either.
    for (const index of kept.files.keys()) await this.parts.pieces.remove(nameOf(kept, index));
    await this.parts.driver.change((core) => this.write(core, kept.id, undefined));
  }

  private keep(kept: Kept): Promise<void> {
    return this.parts.driver.change((core) => {
      if (this.jobs.has(kept.id)) this.write(core, kept.id, kept);
    });
  }

  private write(core: Core, id: string, kept: Kept | undefined): void {
    const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    core.keep(rowOf(id), kept && encode(kept));
    core.keep(ROW, encode([...this.jobs.keys()]));
  }
}

/** Whether the server may remove it before a message names it. */
function isStale({ attachment, begun }: Going, { began }: Kept): boolean {
  return attachment !== undefined && Date.now() - (begun ?? began) > UNSENT_TIME_MAX_MS;
}

function rowOf(id: string): string {
  return `transfer/${id}`;
}

function nameOf({ id }: Kept, index: number): string {
  return `${id}/${index}`;
}

function messageOf({ chat, files, caption, mentions = [], replyTo }: Kept): FilesWish {
  return { chat, files: files.map(wishOf), caption, mentions, ...(replyTo === undefined ? {} : { replyTo }) };
}

function cachedOf(kept: Kept): Cached[] {
  return kept.files.flatMap(({ attachment, hashes }, index) => {
    if (!attachment || !hashes) return [];
    return [{ id: attachment, name: nameOf(kept, index), bytes: hashes.bytes, pieces: hashes.parts.length }];
  });
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
