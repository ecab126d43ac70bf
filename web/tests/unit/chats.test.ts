import { describe, expect, it, vi } from 'vitest';
import type { ChatSummary, Core } from '../../src/core/api';
import { Chats } from '../../src/state/chats.svelte';

/** A core whose list is in order of activity, and which answers when the test lets it. */
class List {
  readonly active = new Map<string, number>();
  /** Answers that are held back, when there are to be such. */
  held: (() => void)[] | undefined;
  asked: string[] = [];

  constructor(count: number) {
    for (let number = 0; number < count; number += 1) this.active.set(`chat${number}`, count - number);
  }

  asCore(): Core {
    const summary = (chat: string) =>
      ({ chat, title: chat, active: this.active.get(chat), pinned: false }) as ChatSummary;
    const answer = async <T>(said: string, value: () => T): Promise<T> => {
      this.asked.push(said);
      const now = value();
      if (this.held) await new Promise<void>((done) => this.held?.push(done));
      return now;
    };
    return {
      chats: (skip: number, limit: number) =>
        answer(`${skip}`, () => {
          const order = [...this.active].sort(([, a], [, b]) => b - a).map(([chat]) => chat);
          return order.slice(skip, skip + limit).map(summary);
        }),
      summaries: (chats: string[]) =>
        answer(chats.join(' '), () => chats.filter((chat) => this.active.has(chat)).map(summary)),
    } as unknown as Core;
  }

  release(): void {
    for (const done of this.held?.splice(0) ?? []) done();
  }
}

const until = (isSo: () => boolean) => vi.waitFor(() => expect(isSo()).toBe(true), { timeout: 5_000, interval: 5 });

describe('the list of chats', () => {
  it('loses no chat that changes while all are read', async () => {
    const list = new List(1_200);
    const chats = new Chats(list.asCore());
    list.held = [];
    const loaded = chats.load();
    // The last fifty are written to after the first page was read: they are at the top now, and on no later page.
    await until(() => list.held?.length === 1);
    for (let number = 1_150; number < 1_200; number += 1) {
      list.active.set(`chat${number}`, 10_000 + number);
      chats.hear(`chat${number}`);
    }
    list.active.delete('chat7');
    chats.hear('chat7');
    const { held } = list;
    list.held = undefined;
    held.forEach((done) => done());
    await loaded;
    await until(() => list.asked.some((said) => said.startsWith('chat1150')));
    await until(() => chats.all.length === 1_199);
    expect(chats.all[0]?.chat).toBe('chat1199');
    expect(chats.get('chat7')).toBeUndefined();
  });

  it('shows each page as it comes, in order', async () => {
    const list = new List(1_200);
    const chats = new Chats(list.asCore());
    list.held = [];
    const loaded = chats.load();
    for (const shown of [40, 540, 1_040, 1_200]) {
      await until(() => list.held?.length === 1);
      list.release();
      await until(() => chats.all.length === shown);
      expect(chats.all.map(({ chat }) => chat)).toEqual([...list.active.keys()].slice(0, shown));
    }
    await until(() => list.held?.length === 1);
    list.release();
    await loaded;
  });

  it('keeps a chat that is on no page because others moved, and drops one that is gone', async () => {
    const list = new List(1_200);
    const chats = new Chats(list.asCore());
    await chats.load();
    list.held = [];
    const loaded = chats.load();
    await until(() => list.held?.length === 1);
    list.release();
    await until(() => list.held?.length === 1);
    // What stood first on the third page stands last on the second now, which was read already.
    list.active.delete('chat7');
    const { held } = list;
    list.held = undefined;
    held.forEach((done) => done());
    await loaded;
    expect(list.asked).toContain('chat540');
    expect(chats.get('chat540')).toBeDefined();
    list.active.delete('chat900');
    await chats.load();
    expect(chats.all).toHaveLength(1_198);
  });

  it('asks for the chats that changed, not for all', async () => {
    const list = new List(1_200);
    const chats = new Chats(list.asCore());
    await chats.load();
    list.asked = [];
    for (let number = 0; number < 700; number += 1) chats.hear(`chat${number}`);
    await until(() => list.asked.length === 2);
    expect(list.asked.map((said) => said.split(' ').length)).toEqual([500, 200]);
  });

  it('reads the top again when the list changes, and all of it only when names did', async () => {
    vi.useFakeTimers();
    try {
      const list = new List(1_200);
      const chats = new Chats(list.asCore());
      const loaded = chats.load();
      await vi.runAllTimersAsync();
      await loaded;
      list.asked = [];
      chats.hear();
      await vi.runAllTimersAsync();
      expect(list.asked).toEqual(['0']);
      chats.hearAll();
      await vi.runAllTimersAsync();
      expect(list.asked.slice(1)).toEqual(['0', '0', '40', '540', '1040', '0']);
    } finally {
      vi.useRealTimers();
    }
  });
});
