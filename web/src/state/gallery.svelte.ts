import type { ChatId, Core, Seq } from '../core/api';
import { filesIn, isMedia, type MediaItem } from './media';

const PAGE_ITEMS = 200;
/** Read in one go; further back on a click. A chat may be long and have no file in it. */
const PAGES_MAX = 8;
const WANTED = 36;

/** The files of a chat, newest first. The core tells of them page by page, so they are looked for from the end. */
export class Gallery {
  readonly #core: Pick<Core, 'history'>;
  readonly #chat: ChatId;
  #before: Seq | undefined;
  #busy: Promise<void> = Promise.resolve();

  all = $state.raw<MediaItem[]>([]);
  /** There is nothing further back. */
  complete = $state(false);
  loaded = $state(false);

  constructor(core: Pick<Core, 'history'>, chat: ChatId) {
    this.#core = core;
    this.#chat = chat;
  }

  readonly media = $derived(this.all.filter((item) => isMedia(item.file)));
  readonly files = $derived(this.all.filter((item) => !isMedia(item.file)));

  /** Looks further back until something was found. */
  more(): Promise<void> {
    return this.#alone(async () => {
      const wanted = this.all.length + WANTED;
      for (let page = 0; page < PAGES_MAX && !this.complete && this.all.length < wanted; page += 1) {
        const { items, nextBefore } = await this.#core.history(this.#chat, this.#before, PAGE_ITEMS);
        this.all = [...this.all, ...filesIn(this.#chat, items)];
        this.#before = nextBefore;
        this.complete = nextBefore === undefined;
      }
      this.loaded = true;
    });
  }

  /** Something was said, or deleted: the newest page is laid over what is known. */
  refresh(): Promise<void> {
    return this.#alone(async () => {
      const { items, nextBefore } = await this.#core.history(this.#chat, undefined, PAGE_ITEMS);
      const fresh = filesIn(this.#chat, items);
      const from = nextBefore ?? 0;
      const older = this.all.filter((item) => 'at' in item.place && item.place.at < from);
      this.all = [...fresh, ...older];
    });
  }

  #alone(act: () => Promise<void>): Promise<void> {
    this.#busy = this.#busy.then(act).catch(() => undefined);
    return this.#busy;
  }
}
