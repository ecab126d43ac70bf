/**
 * Carries out what the core wants, in the order that keeps promises: persist, send, show. Inputs that came meanwhile
 * share a batch; nothing of any of them is sent or told before the batch is stored. Where nobody was promised anything,
 * since it was only heard, it is shown once it is stored, and answered once it would survive a loss of power too: a
 * moment later, so that the screen comes first and answers share a flush. Frames leave in the order they were made in.
 */
import type { Failure } from '../api';
import { failureOf } from '../messages';
import type { Core } from '../wasm/dunlin';
import type { Effects, Miss, Question } from './core';
import type { Link } from './link';
import type { Loaded, Storage } from './storage';

/** Inputs whose changes are stored together. */
const INPUTS_PER_BATCH_MAX = 64;
/** Bytes of rows in memory above which those that can be loaded again are forgotten. */
const CACHE_BYTES_MAX = 32 * 1024 * 1024;

/** What was heard is answered so long after it is shown: some frames of a screen. */
const ANSWER_AFTER_MS = 25;

interface Outgoing {
  frame: Uint8Array<ArrayBuffer>;
  /** Nothing: the connection went meanwhile. What it would have said is to be flushed all the same. */
  link: Link | undefined;
}

export interface Input {
  /** Begins a step of the core, if it comes to one; false when rows are missing, and it is called again. */
  begin(core: Core): boolean | 'nothing';
  /** What the core said, before anything else happens; not stored yet. */
  took?(core: Core, effects: Effects): void;
  /** Everything is stored, and what was to be sent is, or waits for a flush. */
  stored?(): void;
  failed?(failure: Failure): void;
  /** Whether somebody was promised that it is on disk. */
  durable?: boolean;
}

export interface DriverListener {
  /** After a batch was stored. Its frames were sent, or wait for a flush. */
  happened(effects: Effects): void;
  /** Storage failed: nobody knows what of the last batch is there, so nothing may follow from it. */
  stopped(failure: Failure): void;
}

export class Driver {
  private readonly queue: Input[] = [];
  /** What belongs to the input before, and into its batch. */
  private readonly follows: Input[] = [];
  /** Taken from the queue, and not stored. */
  private readonly underWay: Input[] = [];
  private isRunning = false;
  private isStopped = false;
  private loads = 0;
  private wakeTimer: ReturnType<typeof setTimeout> | undefined;
  /**
   * Frames that wait until all that is stored would survive a loss of power. There are no more than some batches make: the
   * next one writes to the store that is being flushed, and waits for that.
   */
  private held: Outgoing[] = [];
  /** How many left before the first of them. */
  private released = 0;
  private isFlushing = false;
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  link: Link | undefined;
  /** Nothing that was missed is on its way: answers have time. */
  isCaughtUp = false;

  constructor(
    readonly core: Core,
    private readonly storage: Storage,
    private readonly listener: DriverListener,
  ) {}

  push(input: Input): void {
    if (this.isStopped) {
      input.failed?.({ code: 'stopped', message: 'The app has stopped here. Load the page again.' });
      return;
    }
    this.queue.push(input);
    if (!this.isRunning) void this.run();
  }

  /** From `took` of an input: the next one, stored together with it, before whatever waits. */
  follow(input: Input): void {
    this.follows.push(input);
  }

  /** Stores what was changed outside of steps: see `Core.keep`. */
  change(change: (core: Core) => void): Promise<void> {
    return new Promise((stored, failed) => {
      const begin = (core: Core) => {
        change(core);
        return 'nothing' as const;
      };
      this.push({ begin, stored, failed, durable: true });
    });
  }

  /** Asks the core something, as often as rows turn out to be missing. */
  async ask(question: Question): Promise<unknown> {
    for (;;) {
      let answer: unknown;
      let failure: unknown;
      try {
        answer = this.core.ask(question);
      } catch (error) {
        failure = error;
      }
      const misses = this.core.misses() as Miss[];
      if (misses.length > 0) {
        await this.load(misses);
      } else if (failure !== undefined) {
        throw failure;
      } else {
        return answer;
      }
    }
  }

  /** The answer to a question, where it follows from what is in memory. */
  known(question: Question): unknown {
    let answer: unknown;
    try {
      answer = this.core.ask(question);
    } catch {
      answer = undefined;
    }
    return (this.core.misses() as Miss[]).length > 0 ? undefined : answer;
  }

  async load(misses: Miss[]): Promise<void> {
    this.loads += 1;
    try {
      for (const loaded of await Promise.all(misses.map((miss) => this.storage.load(miss)))) this.take(loaded);
    } finally {
      this.loads -= 1;
    }
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.wakeTimer);
    clearTimeout(this.flushTimer);
    this.held = [];
    const failure: Failure = { code: 'stopped', message: 'The app has stopped here.' };
    for (const input of [...this.follows.splice(0), ...this.queue.splice(0)]) input.failed?.(failure);
  }

  private take({ from, until, keys, values }: Loaded): void {
    const damaged = this.core.load(from, until, keys, values);
    if (damaged > 0) console.warn(`${damaged} rows cannot be read`);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    try {
      while (this.queue.length > 0 && !this.isStopped) await this.runBatch();
    } catch (error) {
      this.fail(failureOf(error));
    } finally {
      this.isRunning = false;
    }
  }

  private fail(failure: Failure): void {
    for (const input of this.underWay.splice(0)) input.failed?.(failure);
    // Whoever stopped it took its storage away, and knows.
    const isNews = !this.isStopped;
    this.stop();
    if (isNews) this.listener.stopped(failure);
  }

  private async runBatch(): Promise<void> {
    const done: { input: Input; effects: Effects | undefined; link: Link | undefined }[] = [];
    for (;;) {
      const input = this.follows.shift() ?? (done.length < INPUTS_PER_BATCH_MAX ? this.queue.shift() : undefined);
      if (!input) break;
      this.underWay.push(input);
      try {
        const effects = await this.step(input);
        if (effects) input.took?.(this.core, effects);
        // What is said on one connection means nothing on the next.
        done.push({ input, effects, link: this.link?.isReady ? this.link : undefined });
      } catch (error) {
        // The core would not take it, and has changed nothing.
        const isOver = (error as Partial<Failure>).code === 'otherTab';
        if (isOver || error instanceof DOMException || error instanceof WebAssembly.RuntimeError) throw error;
        input.failed?.(failureOf(error));
      }
    }
    const frames = done.flatMap(({ effects, link }) => framesTo(link, effects));
    let isToBeFlushed = false;
    const [keys, values] = this.core.batch() as [Uint8Array<ArrayBuffer>[], (Uint8Array<ArrayBuffer> | undefined)[]];
    if (keys.length > 0) {
      const isPromised = done.some(({ input }) => input.durable);
      await this.storage.commit(keys, values, isPromised);
      if (isPromised) this.release(Infinity);
      else isToBeFlushed = frames.length > 0;
    }
    if (isToBeFlushed || this.held.length > 0) this.hold(frames);
    else this.send(frames);
    this.underWay.length = 0;
    for (const { input, effects } of done) {
      input.stored?.();
      if (effects) this.listener.happened(effects);
    }
    const last = done.findLast(({ effects }) => effects)?.effects;
    if (last) this.wakeAt(last.wakeAt);
    if (this.loads === 0 && this.core.bytes() > CACHE_BYTES_MAX) this.core.trim();
  }

  private send(frames: Outgoing[]): void {
    for (const { link, frame } of frames) link?.send(frame);
  }

  private hold(frames: Outgoing[]): void {
    this.held.push(...frames);
    if (this.isFlushing) return;
    this.flushTimer ??= setTimeout(() => void this.flush(), this.isCaughtUp ? ANSWER_AFTER_MS : 0);
  }

  /** Sends what is held, up to a number; a batch that was flushed may have taken it along already. */
  private release(until: number): void {
    const frames = this.held.splice(0, Math.max(0, until - this.released));
    this.released += frames.length;
    this.send(frames);
  }

  /** Sends what is held. What comes to it meanwhile is not stored for certain, and waits for the next time. */
  private async flush(): Promise<void> {
    this.flushTimer = undefined;
    if (this.held.length === 0) return;
    const until = this.released + this.held.length;
    this.isFlushing = true;
    try {
      await this.storage.flush();
      this.release(until);
    } catch (error) {
      this.fail(failureOf(error));
    } finally {
      this.isFlushing = false;
    }
    if (this.held.length > 0) this.hold([]);
  }

  private async step(input: Input): Promise<Effects | undefined> {
    for (;;) {
      const begun = input.begin(this.core);
      if (begun === 'nothing') return undefined;
      if (begun) break;
      await this.load(this.core.misses() as Miss[]);
    }
    for (;;) {
      const effects = this.core.finish() as Effects | undefined;
      if (effects) return effects;
      await this.load(this.core.misses() as Miss[]);
    }
  }

  private wakeAt(time: number | undefined): void {
    clearTimeout(this.wakeTimer);
    if (time === undefined) return;
    const wait = Math.min(Math.max(time - Date.now(), 0), 2 ** 31 - 1);
    this.wakeTimer = setTimeout(() => this.push({ begin: (core) => (core.tick(Date.now()), true) }), wait);
  }
}

function framesTo(link: Link | undefined, effects: Effects | undefined): Outgoing[] {
  return (effects?.send ?? []).map((frame) => ({ link, frame }));
}
