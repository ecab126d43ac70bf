import type { Attachment, ChatId, Core, Place } from '../core/api';
import { tamed } from '../media/kinds';

/** Files asked for at a time; the rest wait their turn, those for which nobody waits any more are not asked for. */
const AT_ONCE_MAX = 4;
/** What is held for looking at it again. Larger files are asked for again. */
const HELD_BYTES_MAX = 96 * 1024 * 1024;
const HELD_FILE_BYTES_MAX = 24 * 1024 * 1024;
const HELD_MAX = 400;

interface Question {
  run: () => Promise<void>;
  isWanted: () => boolean;
  drop: () => void;
}

/**
 * Files of messages, as this page has them in hand: a bounded memory of what was opened, the least recently used goes first.
 * Whoever shows one makes an object URL of the blob and revokes it; none is made here.
 */
export class Files {
  readonly #core: Pick<Core, 'openFile'>;
  readonly #held = new Map<string, Blob>();
  readonly #asked = new Map<string, Promise<Blob>>();
  #queue: Question[] = [];
  #running = 0;
  #bytes = 0;

  constructor(core: Pick<Core, 'openFile'>) {
    this.#core = core;
  }

  /** If it is at hand. */
  held(file: Attachment, isOwn = false): Blob | undefined {
    for (const key of isOwn ? [file.id, ownKey(file.name, file.bytes)] : [file.id]) {
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
  sent(name: string, blob: Blob): void {
    this.#hold(ownKey(name, blob.size), tamed(blob, blob.type));
  }

  /** Asks the core, once however many ask. The type of the answer is safe to show, whatever the message says. */
  open(chat: ChatId, place: Place, file: Attachment, isWanted: () => boolean = () => true): Promise<Blob> {
    const held = this.held(file);
    if (held) return Promise.resolve(held);
    const asked = this.#asked.get(file.id);
    if (asked) return asked;
    const answer = new Promise<Blob>((done, fail) => {
      const run = async () => {
        try {
          const blob = tamed(await this.#core.openFile(chat, place, file.id), file.mediaType);
          this.#hold(file.id, blob);
          done(blob);
        } catch (failure) {
          fail(failure);
        }
      };
      this.#queue.push({ run, isWanted, drop: () => fail({ code: 'cancelled', message: 'Nobody waits for it.' }) });
    });
    this.#asked.set(file.id, answer);
    const over = () => void this.#asked.delete(file.id);
    answer.then(over, over);
    this.#next();
    return answer;
  }

  #next(): void {
    while (this.#running < AT_ONCE_MAX) {
      // What came on the screen last is what is looked at.
      const question = this.#queue.pop();
      if (!question) return;
      if (!question.isWanted()) {
        question.drop();
        continue;
      }
      this.#running += 1;
      void question.run().then(() => {
        this.#running -= 1;
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

/** The ids of what is on its way are not those it has later; its name and size stay. */
function ownKey(name: string, bytes: number): string {
  return `own ${bytes} ${name}`;
}
