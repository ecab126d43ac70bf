/** Commands, and what becomes of them. */
import type { Failure, UserId } from '../api';
import type { Effects, End, Wish } from './core';
import type { Driver } from './driver';

/** How far a command has to get before its caller is answered. */
type Until = 'stored' | 'accepted';

/** What may be lost with the last moment before a loss of power: nobody was told that it is safe. */
const FLEETING: Wish['type'][] = ['draft', 'typing', 'markSeen', 'watchPresence', 'refreshReceipts'];

interface Waiting {
  resolve: (end: End | undefined) => void;
  reject: (failure: Failure) => void;
}

export class Commands {
  private readonly waiting = new Map<number, Waiting>();
  // Of commands from before a restart the core tells as well, so numbers are never used twice.
  private lastToken = Date.now() * 1024;

  constructor(
    private readonly driver: Driver,
    readonly isOnline: () => boolean,
  ) {}

  /**
   * Sends something; resolves with its number in the outbox once that is durable. What `wasDraft` is a draft no more in the
   * same batch.
   */
  async say(chat: string, wish: Wish, wasDraft = false): Promise<number> {
    let place = 0;
    await this.act(wish, 'stored', (core, end) => {
      place = (core.ask({ type: 'lastWaiting', chat }) as number | undefined) ?? 0;
      if (!wasDraft || end?.failure) return;
      const token = ++this.lastToken;
      this.driver.follow({ begin: (core) => core.act(Date.now(), token, { type: 'draft', chat, text: '' }) });
    });
    return place;
  }

  /** Resolves once it is on disk; with `accepted` once the server took it, unless there is no connection. */
  act(wish: Wish, until: Until, took?: (core: Driver['core'], end: End | undefined) => void): Promise<End | undefined> {
    const token = ++this.lastToken;
    return new Promise((resolve, reject) => {
      let own: End | undefined;
      this.driver.push({
        durable: !FLEETING.includes(wish.type),
        begin: (core) => core.act(Date.now(), token, wish),
        took: (core, effects) => {
          own = effects.ends.find((end) => end.token === token);
          took?.(core, own);
        },
        stored: () => {
          if (own?.failure) reject(own.failure);
          else if (until === 'stored' || !this.isOnline()) resolve(own);
          else if (own && !own.created) resolve(own);
          else this.waiting.set(token, { resolve, reject });
        },
        failed: reject,
      });
    });
  }

  happened(effects: Effects): void {
    for (const end of effects.ends) {
      const waiting = this.waiting.get(end.token);
      if (!waiting || end.created) continue;
      this.waiting.delete(end.token);
      if (end.failure) waiting.reject(end.failure);
      else waiting.resolve(end);
    }
  }

  /** The connection is gone: what was asked for is kept, and goes out later. */
  offline(): void {
    for (const { resolve } of this.waiting.values()) resolve(undefined);
    this.waiting.clear();
  }

  async startChat(wish: Wish & { type: 'direct' | 'group' }): Promise<string> {
    const end = await this.act(wish, 'stored');
    if (!end?.chat) throw { code: 'internal', message: 'The chat was not made.' } satisfies Failure;
    return end.chat;
  }

  change(chat: string, wish: ChatWish): Promise<void> {
    return this.act({ ...wish, chat } as Wish, 'accepted').then(() => undefined);
  }
}

type ChatWish =
  | { type: 'leave' | 'deleteChat' | 'revokeInvite' }
  | { type: 'title' | 'description'; text: string }
  | { type: 'picture'; picture?: Uint8Array }
  | { type: 'timer'; seconds: number }
  | { type: 'add'; users: UserId[] }
  | { type: 'remove' | 'ban' | 'unban'; user: UserId }
  | { type: 'role'; user: UserId; role: 'owner' | 'admin' | 'member' };
