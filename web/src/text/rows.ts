/** From items of a chat to the rows on the screen: days, bubbles in groups, the line where the unread begin. */
import type { Item, Line, Message, Seq } from '../core/api';
import { dayOf } from './format';

export type Row =
  | { kind: 'day'; key: string; time: number }
  | { kind: 'unread'; key: string }
  | {
      kind: 'message';
      key: string;
      message: Message;
      isOwn: boolean;
      first: boolean;
      last: boolean;
      seq: Seq | undefined;
    }
  | { kind: 'line'; key: string; line: Line; seq: Seq };

/** Messages of one person within this time stand together. */
const GROUP_MS = 5 * 60_000;

export function keyOf(item: Item): string {
  if (item.type !== 'message') return `l${item.seq}`;
  return 'at' in item.place ? `m${item.place.at}` : `w${item.place.waiting}`;
}

/** Undefined while it waits in the outbox. */
export function seqOf(item: Item): Seq | undefined {
  if (item.type !== 'message') return item.seq;
  return 'at' in item.place ? item.place.at : undefined;
}

function together(a: Item | undefined, b: Item | undefined): boolean {
  if (a?.type !== 'message' || b?.type !== 'message') return false;
  return a.sender.user === b.sender.user && Math.abs(b.time - a.time) < GROUP_MS && dayOf(a.time) === dayOf(b.time);
}

/** `items` are oldest first. `unreadFrom` is the first seq that was unread when the chat was opened. */
export function rows(items: readonly Item[], me: string, unreadFrom?: Seq): Row[] {
  const result: Row[] = [];
  let marked = unreadFrom === undefined;
  items.forEach((item, index) => {
    const before = items[index - 1];
    const after = items[index + 1];
    const seq = seqOf(item);
    if (!before || dayOf(before.time) !== dayOf(item.time)) {
      result.push({ kind: 'day', key: `d${dayOf(item.time)}-${keyOf(item)}`, time: item.time });
    }
    const isOwn = item.type === 'message' && item.sender.user === me;
    let cut = false;
    if (
      !marked &&
      unreadFrom !== undefined &&
      seq !== undefined &&
      seq >= unreadFrom &&
      item.type === 'message' &&
      !isOwn
    ) {
      result.push({ kind: 'unread', key: 'unread' });
      marked = cut = true;
    }
    if (item.type === 'message') {
      const first = cut || !together(before, item);
      result.push({
        kind: 'message',
        key: keyOf(item),
        message: item,
        isOwn,
        first,
        last: !together(item, after),
        seq,
      });
    } else {
      result.push({ kind: 'line', key: keyOf(item), line: item, seq: item.seq });
    }
  });
  return result;
}

/** The rows as they are now, with those of before where nothing about them is new: what was drawn of them stays. */
export function keepRows(before: readonly Row[], now: readonly Row[]): Row[] {
  const old = new Map(before.map((row) => [row.key, row]));
  return now.map((row) => {
    const was = old.get(row.key);
    return was && sameFields(was, row) ? was : row;
  });
}

function sameFields(a: Row, b: Row): boolean {
  const [left, right] = [Object.entries(a), b as unknown as Record<string, unknown>];
  return left.length === Object.keys(b).length && left.every(([name, value]) => right[name] === value);
}

/** Items that were read again, with those of before where they say the same. */
export function keepItems(before: readonly Item[], now: readonly Item[]): Item[] {
  const old = new Map(before.map((item) => [keyOf(item), item]));
  return now.map((item) => {
    const was = old.get(keyOf(item));
    return was && isSame(was, item) ? was : item;
  });
}

/** Of what the core says: plain objects, lists, bytes, and what is in them. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, index) => byte === b[index]);
  }
  const [left, right] = [Object.entries(a), b as Record<string, unknown>];
  return left.length === Object.keys(b).length && left.every(([name, value]) => isSame(value, right[name]));
}

/**
 * The rows on the screen with a page of newer news laid over them: what the page holds replaces what was there from its
 * oldest seq on, so that what was sent, deleted or expired since is shown as it is now.
 */
export function overlay(items: readonly Item[], page: readonly Item[], reachesStart: boolean): Item[] {
  const firstSeq = page.map(seqOf).find((seq) => seq !== undefined);
  if (reachesStart) return [...page];
  if (firstSeq === undefined) return [...items.filter((item) => seqOf(item) !== undefined), ...page];
  return [...items.filter((item) => (seqOf(item) ?? Infinity) < firstSeq), ...page];
}
