import { SvelteMap } from 'svelte/reactivity';
import type { ChatId, Core, Failure, Mention, NewFile, Seq } from '../core/api';
import type { Files } from './files';

/** What is looked at before it is sent. */
export interface Offer {
  files: File[];
  caption: string;
  /** Who is named in the caption. */
  mentions: Mention[];
  replyTo: Seq | undefined;
  /** As files, byte for byte. */
  unchanged: boolean;
  /** Those of the files that are ready to be sent, such as a voice message. */
  made?: ReadonlyMap<File, NewFile>;
  /** The words are not in the draft any more. */
  tookWords?: boolean;
}

/** Sends files. What could not be kept is not lost: it is offered again in its chat. */
export class Outgoing {
  readonly #core: Pick<Core, 'sendFiles'>;
  readonly #files: Pick<Files, 'sent'>;
  readonly #failed: (failure: Failure) => void;
  readonly #back = new SvelteMap<ChatId, Offer[]>();
  #isOver = false;

  constructor(core: Pick<Core, 'sendFiles'>, files: Pick<Files, 'sent'>, failed: (failure: Failure) => void) {
    this.#core = core;
    this.#files = files;
    this.#failed = failed;
  }

  /** Sends what was made of an offer. Large files take a while to be kept; how far they are is shown in the conversation. */
  send(chat: ChatId, made: NewFile[], offer: Offer): void {
    // What was made ready when the person had gone would be said by whoever came after.
    if (this.#isOver) return;
    for (const file of made) this.#files.sent(file);
    const { caption, mentions, replyTo } = offer;
    const about = { mentions, ...(replyTo === undefined ? {} : { replyTo }) };
    this.#core.sendFiles(chat, made, caption, about).catch((failure: Failure) => {
      if (failure?.code === 'cancelled') return;
      this.#failed(failure);
      this.giveBack(chat, { ...offer, tookWords: true });
    });
  }

  /** Nothing is sent any more. */
  end(): void {
    this.#isOver = true;
  }

  giveBack(chat: ChatId, offer: Offer): void {
    this.#back.set(chat, [...(this.#back.get(chat) ?? []), offer]);
  }

  /** What is to be offered again in a chat: the first of it. */
  back(chat: ChatId): Offer | undefined {
    return this.#back.get(chat)?.[0];
  }

  /** It is offered. */
  taken(chat: ChatId): void {
    const rest = this.#back.get(chat)?.slice(1) ?? [];
    if (rest.length > 0) this.#back.set(chat, rest);
    else this.#back.delete(chat);
  }
}
