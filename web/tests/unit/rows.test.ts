import { describe, expect, it } from 'vitest';
import type { Item, Message } from '../../src/core/api';
import { keepItems, keepRows, overlay, rows, type Row } from '../../src/text/rows';

const START = new Date(2026, 5, 18, 12).getTime();
const MINUTE = 60_000;

function message(seq: number, user: string, minute: number, place: Message['place'] = { at: seq }): Message {
  return {
    type: 'message',
    place,
    sender: { user, number: 1 },
    time: START + minute * MINUTE,
    body: { kind: 'text', text: `${seq}`, mentions: [] },
    reactions: [],
    isBeingDeleted: false,
  };
}
const line = (seq: number, minute: number): Item => ({
  type: 'event',
  seq,
  time: START + minute * MINUTE,
  what: { kind: 'joined' },
});
const shape = (list: Row[]) =>
  list.map((row) => (row.kind === 'message' ? `${row.key}${row.first ? '<' : ''}${row.last ? '>' : ''}` : row.kind));

describe('rows', () => {
  it('group what one person says within five minutes', () => {
    const items = [message(1, 'a', 0), message(2, 'a', 2), message(3, 'a', 8), message(4, 'b', 9), message(5, 'a', 10)];
    expect(shape(rows(items, 'b'))).toEqual(['day', 'm1<', 'm2>', 'm3<>', 'm4<>', 'm5<>']);
  });

  it('begin a new day, and a new group with it', () => {
    const items = [message(1, 'a', 11 * 60 + 58), message(2, 'a', 12 * 60 + 1)];
    expect(shape(rows(items, 'b'))).toEqual(['day', 'm1<>', 'day', 'm2<>']);
  });

  it('are cut by an event', () => {
    expect(shape(rows([message(1, 'a', 0), line(2, 1), message(3, 'a', 2)], 'b'))).toEqual([
      'day',
      'm1<>',
      'line',
      'm3<>',
    ]);
  });

  it('mark the first unread message of somebody else, once', () => {
    const items = [message(1, 'a', 0), message(2, 'me', 1), message(3, 'a', 2), message(4, 'a', 3)];
    expect(shape(rows(items, 'me', 2))).toEqual(['day', 'm1<>', 'm2<>', 'unread', 'm3<', 'm4>']);
    expect(shape(rows(items, 'me'))).not.toContain('unread');
  });

  it('have keys of their own, also for what waits', () => {
    const list = rows(
      [message(1, 'a', 0), message(0, 'me', 1, { waiting: 1 }), message(0, 'me', 1, { waiting: 2 })],
      'me',
    );
    expect(new Set(list.map((row) => row.key)).size).toBe(list.length);
  });
});

describe('a newer page laid over what is there', () => {
  const old = [message(1, 'a', 0), message(2, 'a', 1), message(3, 'a', 2), message(0, 'me', 3, { waiting: 7 })];
  const places = (items: Item[]) =>
    items.map((item) => (item.type === 'message' && 'at' in item.place ? item.place.at : 'waiting'));

  it('replaces what waited by what was sent', () => {
    expect(places(overlay(old, [message(3, 'a', 2), message(4, 'me', 3)], false))).toEqual([1, 2, 3, 4]);
  });

  it('drops what was deleted within the page', () => {
    expect(places(overlay(old, [message(2, 'a', 1), message(4, 'a', 3)], false))).toEqual([1, 2, 4]);
  });

  it('is all there is when it reaches the start', () => {
    expect(places(overlay(old, [message(3, 'a', 2)], true))).toEqual([3]);
  });

  it('of nothing but what waits keeps the log', () => {
    expect(places(overlay(old, [message(0, 'me', 4, { waiting: 8 })], false))).toEqual([1, 2, 3, 'waiting']);
  });
});

describe('what is read again', () => {
  const bytes = (last: number): Item => {
    const files = [{ id: 'f', thumbnail: new Uint8Array([1, 2, last]) }];
    return { ...message(3, 'b', 2), body: { kind: 'files', caption: '', files } } as unknown as Item;
  };

  it('stays the same object where it says the same', () => {
    const before = [message(1, 'a', 0), line(2, 1), bytes(3)];
    const changed: Item = { ...message(1, 'a', 0), status: 'seen' };
    const now = keepItems(before, [changed, line(2, 1), bytes(3), message(4, 'a', 3)]);
    expect(now.map((item, index) => item === before[index])).toEqual([false, true, true, false]);
    expect(keepItems(before, [bytes(4)])[0]).not.toBe(before[2]);
  });

  it('leaves the rows that it does not touch', () => {
    const items = [message(1, 'a', 0), message(2, 'a', 1)];
    const before = rows(items, 'me');
    const now = keepRows(before, rows([...items, message(3, 'a', 2)], 'me'));
    // The day and the first message; the second is not the last of its group any more.
    expect(now.map((row, index) => row === before[index])).toEqual([true, true, false, false]);
  });
});
