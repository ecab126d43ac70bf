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
  #byId = new Map<ChatId, ChatSummary>();
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
    const found = new Map<ChatId, ChatSummary>();
    for (let skip = 0, size = FIRST_PAGE; ; size = PAGE) {
      const page = await this.#page(skip, size);
      for (const chat of page) found.set(chat.chat, chat);
      if (!this.loaded) this.#show(found);
      if (page.length < size) break;
      skip += page.length;
      await idle();
    }
    // The top may have changed meanwhile, and was perhaps shown as it was the last time.
    if (found.size >= FIRST_PAGE) for (const chat of await this.#page(0, FIRST_PAGE)) found.set(chat.chat, chat);
    this.#show(found);
  }

  async #page(skip: number, size: number): Promise<ChatSummary[]> {
    return (await this.#core.chats(skip, size)).map((chat) => this.#known(chat));
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
    const next = new Map(this.#byId);
    if (listChanged) for (const chat of await this.#page(0, FIRST_PAGE)) next.set(chat.chat, chat);
    // A device that comes late learns of very many.
    for (let first = 0; first < changed.length; first += PAGE) {
      const asked = changed.slice(first, first + PAGE);
      const found = new Map((await this.#core.summaries(asked)).map((chat) => [chat.chat, this.#known(chat)]));
      for (const id of asked) {
        const chat = found.get(id);
        if (chat) next.set(id, chat);
        else next.delete(id);
      }
    }
    this.#show(next);
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

  #show(chats: Map<ChatId, ChatSummary>): void {
    this.#byId = chats;
    this.loaded = true;
    // Most stand where they stood: what is nearly in order is soon in order.
    const stay = this.all.flatMap(({ chat }) => chats.get(chat) ?? []);
    const isAsBefore = stay.length === chats.size && stay.every((chat, index) => chat === this.all[index]);
    if (isAsBefore && stay.length === this.all.length) return;
    const stand = new Set(stay);
    const come = [...chats.values()].filter((chat) => !stand.has(chat));
    this.all = [...stay, ...come].sort(inOrder);
  }
}

function idle(): Promise<void> {
  return new Promise((done) => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(() => done(), { timeout: 1000 });
    else setTimeout(done, 50);
  });
}
