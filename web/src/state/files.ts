import type { Attachment, ChatId, Core, CoreEvent, Failure, NewFile, Place } from '../core/api';
import { tamed } from '../media/kinds';

/** Files that are read at a time; the rest wait their turn. */
const AT_ONCE_MAX = 4;
/** Files asked for at a time, with those that wait for the connection. The core answers 64, for all tabs. */
const ASKED_MAX = 24;
/** What is held for looking at it again. Larger files are asked for again. */
const HELD_BYTES_MAX = 96 * 1024 * 1024;
const HELD_FILE_BYTES_MAX = 24 * 1024 * 1024;
const HELD_MAX = 400;

const UNWANTED: Failure = { code: 'cancelled', message: 'Nobody waits for it.' };

interface Question {
  id: string;
  answer: Promise<Blob>;
  run: () => Promise<void>;
  drop: () => void;
  /** Who waits for it: each until its signal says otherwise. */
  wants: Set<AbortSignal>;
  state: 'waiting' | 'running' | 'paused';
}

/**
 * Files of messages, as this page has them in hand: a bounded memory of what was opened, the least recently used goes first.
 * Whoever shows one makes an object URL of the blob and revokes it; none is made here.
 */
export class Files {
  readonly #core: Pick<Core, 'openFile' | 'cancelTransfer'>;
  readonly #held = new Map<string, Blob>();
  /** By the file, and those that the core was asked. */
  readonly #questions = new Map<string, Question>();
  readonly #asked = new Set<Question>();
  #queue: Question[] = [];
  #bytes = 0;

  constructor(core: Pick<Core, 'openFile' | 'cancelTransfer'>) {
    this.#core = core;
  }

  /** If it is at hand. */
  held(file: Attachment, isOwn = false): Blob | undefined {
    for (const key of isOwn ? [file.id, ownKey(file, file.bytes)] : [file.id]) {
      const blob = this.#held.get(key);
      if (!blob) continue;
      // Used last, so it goes last.
      this.#held.delete(key);
      this.#held.set(key, blob);
      return blob;
    }
    return undefined;
  }

  /** What this page has just sent is shown from here, while it is on its way and after. */
  sent(file: NewFile): void {
    this.#hold(ownKey(file, file.file.size), tamed(file.file, file.file.type));
  }

  /**
   * Asks the core, once however many ask. The type of the answer is safe to show, whatever the message says. `signal` ends the wait of
   * whoever gives it; when the last one has left, the question is dropped, or the download stopped.
   */
  open(chat: ChatId, place: Place, file: Attachment, signal = new AbortController().signal): Promise<Blob> {
    const held = this.held(file);
    if (held) return Promise.resolve(held);
    if (signal.aborted) return Promise.reject(UNWANTED);
    const question = this.#questions.get(file.id) ?? this.#question(chat, place, file);
    this.#want(question, signal);
    if (question.state === 'waiting') {
      // What came on the screen last is what is looked at.
      this.#queue = [...this.#queue.filter((other) => other !== question), question];
      this.#next();
    }
    return question.answer;
  }

  /** How far what was asked for is: what waits for the connection lets others be read. */
  hear({ id, way, state }: CoreEvent & { type: 'transfer' }): void {
    const question = way === 'down' ? this.#questions.get(id) : undefined;
    if (!question || question.state === 'waiting') return;
    question.state = state === 'paused' ? 'paused' : 'running';
    this.#next();
  }

  #question(chat: ChatId, place: Place, file: Attachment): Question {
    const { id, mediaType } = file;
    let resolve: (blob: Blob) => void = () => {};
    let reject: (failure: unknown) => void = () => {};
    const answer = new Promise<Blob>((done, fail) => ([resolve, reject] = [done, fail]));
    const run = async () => {
      try {
        const blob = tamed(await this.#core.openFile(chat, place, id), mediaType);
        this.#hold(id, blob);
        resolve(blob);
      } catch (failure) {
        reject(failure);
      }
    };
    const drop = () => reject(UNWANTED);
    const question: Question = { id, answer, run, drop, wants: new Set(), state: 'waiting' };
    this.#questions.set(id, question);
    // Whoever waits hears of it; nobody may.
    const over = () => this.#forget(question);
    answer.then(over, over);
    return question;
  }

  #want(question: Question, signal: AbortSignal): void {
    if (question.wants.has(signal)) return;
    question.wants.add(signal);
    const leave = () => {
      question.wants.delete(signal);
      if (question.wants.size === 0) this.#leave(question);
    };
    signal.addEventListener('abort', leave, { once: true });
  }

  /** Nobody waits for it any more. Who asks for it later asks anew. */
  #leave(question: Question): void {
    if (this.#questions.get(question.id) !== question) return;
    this.#forget(question);
    this.#queue = this.#queue.filter((other) => other !== question);
    if (question.state !== 'waiting') void this.#core.cancelTransfer(question.id).catch(() => undefined);
    question.drop();
  }

  #forget(question: Question): void {
    if (this.#questions.get(question.id) === question) this.#questions.delete(question.id);
  }

  #next(): void {
    const isFree = () =>
      this.#asked.size < ASKED_MAX && [...this.#asked].filter(({ state }) => state === 'running').length < AT_ONCE_MAX;
    while (isFree()) {
      const question = this.#queue.pop();
      if (!question) return;
      question.state = 'running';
      this.#asked.add(question);
      void question.run().then(() => {
        this.#asked.delete(question);
        this.#next();
      });
    }
  }

  #hold(key: string, blob: Blob): void {
    if (blob.size > HELD_FILE_BYTES_MAX) return;
    this.#bytes += blob.size - (this.#held.get(key)?.size ?? 0);
    this.#held.delete(key);
    this.#held.set(key, blob);
    for (const [oldest, old] of this.#held) {
      if (this.#bytes <= HELD_BYTES_MAX && this.#held.size <= HELD_MAX) break;
      this.#held.delete(oldest);
      this.#bytes -= old.size;
    }
  }
}

/** The ids of what is on its way are not those it has later; the rest stays. Voice messages differ in nothing but how they sound. */
function ownKey(
  { name, durationMs, waveform }: Pick<NewFile, 'name' | 'durationMs' | 'waveform'>,
  bytes: number,
): string {
  return `own ${bytes} ${durationMs ?? ''} ${waveform?.join() ?? ''} ${name}`;
}
