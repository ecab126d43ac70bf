import type { ChatId, ChatSummary, Core } from '../core/api';
import { plainName } from '../text/format';
import { isSame } from '../text/rows';

const FIRST_PAGE = 40;
const PAGE = 500;
/** Changes within this time are read together. */
const GATHER_MS = 60;
/** All chats are read again at most so often, which with ten thousand of them can be felt. */
const WHOLE_EVERY_MS = 20_000;

/** Pinned first, then by activity. */
export function inOrder(a: ChatSummary, b: ChatSummary): number {
  return Number(b.pinned) - Number(a.pinned) || b.active - a.active || (a.chat < b.chat ? -1 : 1);
}

/** All chats of this person. The first page is there at once; the rest follows while nothing else is to be done. */
export class Chats {
  readonly #core: Core;
  readonly #byId = new Map<ChatId, ChatSummary>();
  #changed = new Set<ChatId>();
  #listChanged = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #whole: ReturnType<typeof setTimeout> | undefined;

  all = $state.raw<ChatSummary[]>([]);
  loaded = $state(false);

  constructor(core: Core) {
    this.#core = core;
  }

  get(chat: ChatId): ChatSummary | undefined {
    // Reading `all` makes whoever asks follow changes.
    return this.all.length > 0 ? this.#byId.get(chat) : undefined;
  }

  readonly inbox = $derived(this.all.filter((chat) => !chat.archived));
  readonly archive = $derived(this.all.filter((chat) => chat.archived));
  /** Chats with something unread that are not muted: what the title of the page counts. */
  readonly waiting = $derived(this.inbox.filter((chat) => chat.unread > 0 && !chat.muted).length);

  load(): Promise<void> {
    return this.#alone(() => this.#load());
  }

  async #load(): Promise<void> {
    const found = new Set<ChatId>();
    const read = async (skip: number, size: number) => {
      const page = await this.#core.chats(skip, size);
      for (const { chat } of page) found.add(chat);
      return page;
    };
    for (let skip = 0, size = FIRST_PAGE; ; size = PAGE) {
      const page = await read(skip, size);
      // Page by page: thousands at once can be felt.
      this.#show(page);
      if (page.length < size) break;
      skip += page.length;
      await idle();
    }
    // The top may have changed meanwhile, and was perhaps shown as it was the last time.
    if (found.size >= FIRST_PAGE) this.#show(await read(0, FIRST_PAGE));
    // What moved up while all were read is on no page and may be there.
    await this.#readThese([...this.#byId.keys()].filter((chat) => !found.has(chat)));
  }

  /** Something changed that all chats may show, the names of people for one. */
  hearAll(): void {
    this.hear();
    this.#whole ??= setTimeout(() => this.#readWhole(), WHOLE_EVERY_MS);
  }

  /** One chat changed, or the top of the list did: which ones change further down is told by name. */
  hear(chat?: ChatId): void {
    if (chat) this.#changed.add(chat);
    else this.#listChanged = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#alone(() => this.#read()).catch(() => undefined);
    }, GATHER_MS);
  }

  async #read(): Promise<void> {
    const changed = [...this.#changed];
    const listChanged = this.#listChanged;
    this.#changed.clear();
    this.#listChanged = false;
    await this.#readThese(changed, listChanged ? await this.#core.chats(0, FIRST_PAGE) : []);
  }

  /** Reads chats by name, and shows them together with what was `read` of others. */
  async #readThese(chats: readonly ChatId[], read: readonly ChatSummary[] = []): Promise<void> {
    // A device that comes late learns of very many.
    for (let first = 0; first < chats.length; first += PAGE) {
      const asked = chats.slice(first, first + PAGE);
      const found = await this.#core.summaries(asked);
      const there = new Set(found.map(({ chat }) => chat));
      this.#show(
        [...read, ...found],
        asked.filter((chat) => !there.has(chat)),
      );
      read = [];
    }
    if (read.length > 0) this.#show(read);
  }

  #readWhole(): void {
    this.#whole = undefined;
    void idle()
      .then(() => this.load())
      .catch(() => undefined);
  }

  /** One reading at a time: what changes while all are read is read after it, by name, and not overlaid by what was before. */
  #alone(act: () => Promise<void>): Promise<void> {
    const turn = this.#reading.then(act);
    this.#reading = turn.catch(() => undefined);
    return turn;
  }

  /** Called as it may be said in a sentence; the one from before where that says the same, so that nothing is drawn again. */
  #known(read: ChatSummary): ChatSummary {
    const title = plainName(read.title);
    const chat = title === read.title ? read : { ...read, title };
    const before = this.#byId.get(chat.chat);
    return before && isSame(before, chat) ? before : chat;
  }

  /** Lays what was read over what is shown, and takes away what is `gone`. */
  #show(read: readonly ChatSummary[], gone: readonly ChatId[] = []): void {
    this.loaded = true;
    const come = new Map<ChatId, ChatSummary>();
    for (const one of read) {
      const chat = this.#known(one);
      if (this.#byId.get(chat.chat) === chat) continue;
      this.#byId.set(chat.chat, chat);
      come.set(chat.chat, chat);
    }
    const left = gone.filter((chat) => this.#byId.delete(chat));
    for (const chat of left) come.delete(chat);
    if (come.size === 0 && left.length === 0) return;
    // Most stand where they stood: what is nearly in order is soon in order.
    const stay = this.all.filter((chat) => this.#byId.get(chat.chat) === chat);
    this.all = [...stay, ...come.values()].sort(inOrder);
  }
}

function idle(): Promise<void> {
  return new Promise((done) => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => done(), { timeout: 1000 });
    else setTimeout(done, 50);
  });
}
