import { describe, expect, it, vi } from 'vitest';
import type { Core, Item, Message } from '../../src/core/api';
import { Conversation, PAGE_ITEMS } from '../../src/state/conversation.svelte';
import { seqOf } from '../../src/text/rows';

function message(seq: number): Message {
  return {
    type: 'message',
    place: { at: seq },
    sender: { user: 'ada', number: 1 },
    time: seq,
    body: { kind: 'text', text: `${seq}`, mentions: [] },
    reactions: [],
    isBeingDeleted: false,
  };
}

/** A core with one chat of so many messages; each reading makes new objects, as those that come from a worker are. */
class Chat {
  count: number;
  /** Whether something waits to be sent. */
  waits = false;
  constructor(count: number) {
    this.count = count;
  }

  asCore(): Core {
    const chat = { chat: 'chat', unread: 0, seen: 1_000_000 };
    const history = (_: string, before = this.count + 1, limit: number) => {
      const first = Math.max(1, before - limit);
      const items = Array.from({ length: before - first }, (_, index) => message(before - 1 - index));
      const waiting = this.waits && before > this.count ? [{ ...message(0), place: { waiting: 1 } }] : [];
      return Promise.resolve({ items: [...waiting, ...items], ...(first > 1 ? { nextBefore: first } : {}) });
    };
    return {
      chat: () => Promise.resolve(chat),
      history,
      message: (_: string, seq: number) => Promise.resolve(message(seq)),
    } as unknown as Core;
  }
}

const seqs = (items: readonly Item[]) => items.map(seqOf);
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('a conversation', () => {
  it('keeps what was drawn when one more message comes', async () => {
    const chat = new Chat(10);
    const conversation = new Conversation(chat.asCore(), 'chat');
    await conversation.open();
    const before = conversation.items;
    chat.count = 11;
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [11] });
    // One reading after the other.
    await conversation.newer();
    expect(seqs(conversation.items)).toEqual(range(1, 11));
    expect(before.every((item, index) => item === conversation.items[index])).toBe(true);
  });

  it('shows what just came before anything is asked, and before what waits', async () => {
    const chat = new Chat(10);
    chat.waits = true;
    const conversation = new Conversation(chat.asCore(), 'chat');
    await conversation.open();
    chat.count = 11;
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [11], items: [message(11)] });
    expect(seqs(conversation.items)).toEqual([...range(1, 11), undefined]);
    // Something came that is not known: what comes after it waits until that is read.
    chat.count = 13;
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [12] });
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [13], items: [message(13)] });
    expect(seqs(conversation.items)).toEqual([...range(1, 11), undefined]);
    await vi.waitFor(() => expect(seqs(conversation.items)).toEqual([...range(1, 13), undefined]));
  });

  it('shows nothing of the end to somebody who reads far above it', async () => {
    const chat = new Chat(500);
    const conversation = new Conversation(chat.asCore(), 'chat');
    await conversation.open(100);
    expect(conversation.hasNewer).toBe(true);
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [501], items: [message(501)] });
    expect(seqs(conversation.items)).not.toContain(501);
  });

  it('has no hole after more came at once than a page holds', async () => {
    const chat = new Chat(100);
    const conversation = new Conversation(chat.asCore(), 'chat');
    chat.waits = true;
    await conversation.open();
    expect(seqs(conversation.items).at(-1)).toBeUndefined();
    // Meanwhile it was sent, too.
    chat.waits = false;
    // More than a page, fewer than are held.
    chat.count = 200;
    conversation.hear({ type: 'messages', chat: 'chat', seqs: [200] });
    await conversation.newer();
    while (seqs(conversation.items).at(-1) !== 200) await conversation.newer();
    expect(seqs(conversation.items)).toEqual(range(101 - PAGE_ITEMS, 200));
  });

  it('draws more at a time while that is quick, and less when it is not', async () => {
    const core = new Chat(500).asCore();
    const history = vi.spyOn(core, 'history');
    const conversation = new Conversation(core, 'chat');
    await conversation.open();
    history.mockClear();
    let now = 0;
    let took = 2;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (now += took));
    try {
      for (let turn = 0; turn < 3; turn += 1) await conversation.older();
      took = 40;
      for (let turn = 0; turn < 2; turn += 1) await conversation.older();
    } finally {
      clock.mockRestore();
    }
    const asked = history.mock.calls.map(([, , limit]) => limit);
    expect(asked).toEqual([6, 8, 10, 12, 6]);
    expect(seqs(conversation.items)).toEqual(range(419, 500));
  });
});
