import { SvelteMap } from 'svelte/reactivity';
import type { ChatId, Core, CoreEvent, Failure, Transfer } from '../core/api';

export interface Download {
  sent: number;
  total: number;
  state: 'running' | 'paused';
  failure?: Failure;
}

/** Files on their way: messages that are being sent, chat by chat, and how far downloads are. */
export class Transfers {
  readonly #core: Pick<Core, 'transfers'>;
  readonly #chats = new SvelteMap<ChatId, Transfer[]>();
  readonly #reading = new Set<ChatId>();
  readonly #again = new Set<ChatId>();
  /** By the attachment's id; none: it is not on its way. */
  readonly downloads = new SvelteMap<string, Download>();

  constructor(core: Pick<Core, 'transfers'>) {
    this.#core = core;
  }

  /** Oldest first. */
  of(chat: ChatId): Transfer[] {
    return this.#chats.get(chat) ?? [];
  }

  /** Reads what is on its way in a chat; asked again while it is being read, it is read once more after. */
  async load(chat: ChatId): Promise<void> {
    if (this.#reading.has(chat)) return void this.#again.add(chat);
    this.#reading.add(chat);
    try {
      do {
        this.#again.delete(chat);
        this.#chats.set(chat, await this.#core.transfers(chat));
      } while (this.#again.has(chat));
    } catch {
      // A question about rows of this browser fails only when the core stops; the session says so.
    } finally {
      this.#reading.delete(chat);
    }
  }

  hear(event: CoreEvent & { type: 'transfer' }): void {
    if (event.way === 'down') return this.#hearDown(event);
    const { id, chat, sent, total, state, failure } = event;
    const known = this.of(chat).find((transfer) => transfer.id === id);
    if (state === 'done' || state === 'cancelled') {
      this.#chats.set(
        chat,
        this.of(chat).filter((transfer) => transfer.id !== id),
      );
    } else if (known) {
      const next: Transfer = { ...known, sent, total, state };
      if (failure) next.failure = failure;
      else delete next.failure;
      this.#chats.set(
        chat,
        this.of(chat).map((transfer) => (transfer.id === id ? next : transfer)),
      );
    }
    // Which files it has is asked for; an answer that is older than this event is asked for again.
    if (!known || this.#reading.has(chat)) void this.load(chat);
  }

  #hearDown({ id, sent, total, state, failure }: CoreEvent & { type: 'transfer' }): void {
    if (state === 'running' || state === 'paused')
      this.downloads.set(id, { sent, total, state, ...(failure ? { failure } : {}) });
    else this.downloads.delete(id);
  }
}
