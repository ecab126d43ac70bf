import { tick } from 'svelte';
import type { ChatDetails, ChatId, Core, CoreEvent, Item, Message, Seq } from '../core/api';
import { trim } from '../text/list';
import { keepItems, keyOf, overlay, seqOf } from '../text/rows';

export const PAGE_ITEMS = 40;
/** While somebody scrolls, no more is drawn at a time than fits between two frames. How much that is, each step says for the next. */
const STEP_MS = 16;
const STEP_ITEMS = { least: 6, most: 24 };
/** More rows than this are never in the page; the reader sees about ten. */
export const ITEMS_MAX = 160;
/** What follows a change comes in pieces: after one reading the next one gathers them. */
const READ_EVERY_MS = 60;
/** A message that just came is painted before anything else is done. */
const SHOWN_FIRST_MS = 120;

/**
 * A stretch of one chat, oldest first, that slides with the reader: pages are read at one end and dropped at the other.
 * It reads the core again when the core hints that something changed; it holds no truth of its own.
 */
export class Conversation {
  readonly chat: ChatId;
  readonly #core: Core;
  #busy: Promise<void> = Promise.resolve();
  /** Readings that are under way or wait. */
  #turns = 0;
  #queued = false;
  /** When it was read again last, by the clock of the page. */
  #readAt = -Infinity;
  #changed = new Set<Seq>();
  #all = false;
  /** Items of the next step of somebody who scrolls. */
  #step = STEP_ITEMS.least;

  details = $state.raw<ChatDetails | undefined>();
  items = $state.raw<Item[]>([]);
  hasOlder = $state(false);
  /** False: the newest are here, and new ones are shown as they come. */
  hasNewer = $state(false);
  opened = $state(false);
  failed = $state(false);
  /** What was unread when the chat was opened. */
  unreadFrom = $state<Seq | undefined>();

  constructor(core: Core, chat: ChatId) {
    this.#core = core;
    this.chat = chat;
  }

  /** Opens at `at`, else at the first unread, else at the end. Returns the seq to show. */
  async open(at?: Seq): Promise<Seq | undefined> {
    return this.#alone(async () => {
      try {
        this.details = await this.#core.chat(this.chat);
        const unread = this.details?.unread ? this.details.seen + 1 : undefined;
        if (!this.details?.isOld) this.unreadFrom ??= unread;
        const target = at ?? unread;
        await (target === undefined ? this.#readNewest() : this.#readAround(target));
        this.failed = false;
        return target;
      } catch {
        this.failed = true;
        return undefined;
      } finally {
        this.opened = true;
      }
    });
  }

  async older(): Promise<void> {
    await this.#alone(async () => {
      const first = this.items.map(seqOf).find((seq) => seq !== undefined);
      if (!this.hasOlder || first === undefined) return;
      const page = await this.#core.history(this.chat, first, this.#step);
      const items = [...page.items.toReversed(), ...this.items];
      this.hasOlder = page.nextBefore !== undefined;
      if (items.length > ITEMS_MAX) this.hasNewer = true;
      await this.#draw(trim(items, ITEMS_MAX, 'start'), page.items.length);
    });
  }

  async newer(): Promise<void> {
    await this.#alone(async () => {
      const last = this.#lastSeq();
      if (!this.hasNewer || last === undefined) return;
      const newest = await this.#newestSeq();
      // The interface reads backwards only: what lies in (last, last + reach] is asked for from its end. Each step finds
      // only what the step before did not reach, so no page is too short for it.
      let reach = this.#step;
      while (last + reach < newest) {
        const page = await this.#core.history(this.chat, last + reach + 1, Math.max(this.#step, reach / 2));
        const found = page.items.toReversed().filter((item) => (seqOf(item) ?? 0) > last);
        if (found.length > 0) return this.#append(found, true);
        reach *= 2;
      }
      const page = await this.#core.history(this.chat, undefined, Math.max(PAGE_ITEMS * 2, reach));
      await this.#append(
        page.items.toReversed().filter((item) => (seqOf(item) ?? Infinity) > last),
        false,
      );
    });
  }

  async toEnd(): Promise<void> {
    await this.#alone(() => this.#readNewest());
  }

  async around(seq: Seq): Promise<void> {
    await this.#alone(() => this.#readAround(seq));
  }

  holds(seq: Seq): boolean {
    return this.items.some((item) => seqOf(item) === seq);
  }

  hear(event: CoreEvent): void {
    if (!('chat' in event) || event.chat !== this.chat) return;
    let wait = Math.max(0, this.#readAt + READ_EVERY_MS - performance.now());
    if (event.type === 'messages') {
      const shown = this.#show(event.items ?? []);
      if (event.seqs === 'all') this.#all = true;
      else for (const seq of event.seqs) if (!shown.has(seq)) this.#changed.add(seq);
      if (shown.size > 0) wait = SHOWN_FIRST_MS;
    } else if (event.type !== 'chat' && event.type !== 'refused') return;
    if (this.#queued) return;
    this.#queued = true;
    const read = () => void this.#alone(() => this.#refresh());
    if (wait === 0) read();
    else setTimeout(read, wait);
  }

  /**
   * Shows at once what is said to be new, as far as that can be. It is read again after that, with what else became of
   * the chat.
   */
  #show(fresh: readonly Message[]): Set<Seq> {
    // While something is being read, or has changed and is not read, nobody knows what comes before these.
    const isReading = this.#turns > (this.#queued ? 1 : 0) || this.#changed.size > 0 || this.#all;
    if (!this.opened || this.failed || this.hasNewer || isReading) return new Set();
    const last = this.#lastSeq() ?? 0;
    const found = fresh.filter((item) => (seqOf(item) ?? 0) > last);
    if (found.length === 0) return new Set();
    const waiting = this.items.findIndex((item) => seqOf(item) === undefined);
    const items = this.items.toSpliced(waiting < 0 ? this.items.length : waiting, 0, ...found);
    if (items.length > ITEMS_MAX) this.hasOlder = true;
    this.items = trim(items, ITEMS_MAX, 'end');
    return new Set(found.flatMap((item) => seqOf(item) ?? []));
  }

  async #refresh(): Promise<void> {
    this.#queued = false;
    this.#readAt = performance.now();
    const changed = this.#changed;
    const all = this.#all;
    this.#changed = new Set();
    this.#all = false;
    let items = this.items;
    const size = all ? Math.max(PAGE_ITEMS, items.length) : PAGE_ITEMS;
    const [details, page] = await Promise.all([
      this.#core.chat(this.chat),
      this.hasNewer ? undefined : this.#core.history(this.chat, undefined, size),
    ]);
    if (this.details?.isOld && details?.unread) this.unreadFrom ??= details.seen + 1;
    this.details = details;
    if (page) {
      const fresh = page.items.toReversed();
      const first = fresh.map(seqOf).find((seq) => seq !== undefined);
      const last = this.#lastSeq();
      // More came at once than a page holds: the reader goes on from where they are, and misses nothing in between. What
      // waits, or did, stands at the end.
      const isTooMuch = page.nextBefore !== undefined && last !== undefined && first !== undefined && first > last + 1;
      if (isTooMuch) {
        this.hasNewer = true;
        items = items.filter((item) => seqOf(item) !== undefined);
      } else items = overlay(items, fresh, page.nextBefore === undefined);
      for (const item of fresh) changed.delete(seqOf(item) ?? -1);
    } else if (all && items.length > 0) {
      const page = await this.#core.history(this.chat, (this.#lastSeq() ?? 0) + 1, items.length);
      items = page.items.toReversed();
    }
    for (const seq of changed) {
      const index = items.findIndex((item) => seqOf(item) === seq);
      if (index < 0) continue;
      const item = await this.#core.message(this.chat, seq);
      items = item ? items.with(index, item) : items.toSpliced(index, 1);
    }
    this.items = keepItems(this.items, items);
  }

  async #readNewest(): Promise<void> {
    const page = await this.#core.history(this.chat, undefined, PAGE_ITEMS);
    this.items = page.items.toReversed();
    this.hasOlder = page.nextBefore !== undefined;
    this.hasNewer = false;
  }

  async #readAround(seq: Seq): Promise<void> {
    const newest = await this.#newestSeq();
    if (seq + PAGE_ITEMS / 2 >= newest) {
      const size = Math.min(ITEMS_MAX, Math.max(PAGE_ITEMS, newest - seq + PAGE_ITEMS / 2));
      const page = await this.#core.history(this.chat, undefined, size);
      this.items = page.items.toReversed();
      this.hasOlder = page.nextBefore !== undefined;
      this.hasNewer = false;
      return;
    }
    const page = await this.#core.history(this.chat, seq + PAGE_ITEMS / 2, PAGE_ITEMS);
    this.items = page.items.toReversed();
    this.hasOlder = page.nextBefore !== undefined;
    this.hasNewer = true;
  }

  async #newestSeq(): Promise<Seq> {
    const last = (await this.#core.history(this.chat, undefined, 1)).items.map(seqOf).find((seq) => seq !== undefined);
    if (last !== undefined) return last;
    // Only something that waits: look behind it.
    const page = await this.#core.history(this.chat, undefined, PAGE_ITEMS);
    return page.items.map(seqOf).find((seq) => seq !== undefined) ?? 0;
  }

  async #append(found: Item[], hasNewer: boolean): Promise<void> {
    const known = new Set(this.items.map(keyOf));
    const fresh = found.filter((item) => !known.has(keyOf(item)));
    // Never so many that what the reader looks at is dropped.
    const taken = trim(fresh, ITEMS_MAX / 2, 'start');
    const items = [...this.items, ...taken];
    if (items.length > ITEMS_MAX) this.hasOlder = true;
    this.hasNewer = hasNewer || taken.length < fresh.length;
    await this.#draw(trim(items, ITEMS_MAX, 'end'), taken.length);
  }

  /** Shows the items of one more step, `fresh` of them new, and makes the next one as large as this machine draws in its time. */
  async #draw(items: Item[], fresh: number): Promise<void> {
    const begun = performance.now();
    this.items = items;
    await tick();
    const took = performance.now() - begun;
    // A short page tells what is too slow, and not what would still be quick enough.
    const step = took > STEP_MS ? Math.floor((fresh * STEP_MS) / took) : Math.max(this.#step, fresh + 2);
    if (fresh > 0) this.#step = Math.min(STEP_ITEMS.most, Math.max(STEP_ITEMS.least, step));
  }

  #lastSeq(): Seq | undefined {
    return this.items.map(seqOf).findLast((seq) => seq !== undefined);
  }

  /** One reading at a time, so that none lays old rows over new ones. */
  #alone<T>(act: () => Promise<T>): Promise<T> {
    this.#turns += 1;
    const turn = this.#busy.then(act);
    const ended = () => void (this.#turns -= 1);
    this.#busy = turn.then(ended, ended);
    return turn;
  }
}
