import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { Core, Person, Presence, UserId } from '../core/api';
import { plainName } from '../text/format';

/** Who people are, asked for in one question per frame and kept until the core says that something changed. */
export class People {
  readonly #core: Core;
  readonly #known = new SvelteMap<UserId, Person>();
  readonly #wanted = new Set<UserId>();
  readonly presence = new SvelteMap<UserId, Presence>();
  #asking = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Undefined until it is known; reading it asks. */
  get(user: UserId): Person | undefined {
    const person = this.#known.get(user);
    if (!person) this.#want([user]);
    return person;
  }

  name(user: UserId): string {
    // The end of an id tells strangers apart while their names are not known.
    return this.get(user)?.name || `~${user.slice(-4).toLowerCase()}`;
  }

  /** The name once it is known, for what is said only once. */
  async named(user: UserId): Promise<string> {
    if (!this.#known.has(user)) this.learn(await this.#core.people([user]).catch(() => []));
    return this.name(user);
  }

  changed(): void {
    this.#want([...this.#known.keys()]);
  }

  learn(people: readonly Person[]): void {
    for (const person of people) this.#known.set(person.user, { ...person, name: plainName(person.name) });
  }

  /** Without a connection nobody tells who is here. */
  forgetOnline(): void {
    for (const [user, { online }] of this.presence) if (online) this.presence.delete(user);
  }

  #want(users: readonly UserId[]): void {
    for (const user of users) this.#wanted.add(user);
    if (this.#asking || this.#wanted.size === 0) return;
    this.#asking = true;
    setTimeout(() => void this.#ask(), 0);
  }

  async #ask(): Promise<void> {
    const users = [...this.#wanted];
    this.#wanted.clear();
    this.#asking = false;
    try {
      this.learn(await this.#core.people(users));
    } catch {
      // A question about rows of this browser fails only when the core stops; the session says so.
    }
  }
}

/** Who is writing where. Somebody who falls silent without saying so is forgotten after a few seconds. */
export class Typing {
  readonly #who = new SvelteMap<string, SvelteSet<UserId>>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  static readonly FORGET_MS = 8000;

  of(chat: string): UserId[] {
    return [...(this.#who.get(chat) ?? [])];
  }

  set(chat: string, user: UserId, typing: boolean): void {
    const key = `${chat} ${user}`;
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const users = this.#who.get(chat) ?? new SvelteSet<UserId>();
    if (typing) {
      users.add(user);
      this.#timers.set(
        key,
        setTimeout(() => this.set(chat, user, false), Typing.FORGET_MS),
      );
    } else {
      users.delete(user);
    }
    this.#who.set(chat, users);
  }
}
