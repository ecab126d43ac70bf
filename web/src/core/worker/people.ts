/** Who people are: names from the server, kept in the vault so that they are there offline. */
import type { ChatSummary, CoreEvent, Person, UserId } from '../api';
import type { Driver } from './driver';
import { OFFLINE, type Refused, type Rest } from './rest';

/** What is older is asked for again when somebody looks at it. */
const FRESH_FOR_MS = 60 * 60 * 1000;
/** How long somebody who could not be asked for is left alone. */
const RETRY_AFTER_MS = 30 * 1000;
/** Requests at a time. */
const AT_ONCE = 4;
/** News of people is told no more often, for whoever hears it reads the list of chats again. */
const TOLD_EVERY_MS = 500;

interface Known {
  name: string;
  about: string;
  /** When it was asked for. */
  at: number;
}
interface KnownToCore {
  verified: boolean;
  /** Which picture of them. */
  picture?: string;
}
interface Contact {
  userId: UserId;
  name: string;
}

export class People {
  private readonly wanted = new Set<UserId>();
  private readonly asked = new Map<UserId, number>();
  private running = 0;
  private telling: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly driver: Driver,
    private readonly rest: Rest,
    private readonly tell: (event: CoreEvent) => void,
  ) {}

  async person(user: UserId): Promise<Person> {
    const known = this.kept<Known>(`person/${user}`);
    if (!known || known.at + FRESH_FOR_MS < Date.now()) this.want(user);
    const contact = this.contactList().find((one) => one.userId === user);
    const { verified, picture } = (await this.driver.ask({ type: 'person', user })) as KnownToCore;
    return {
      user,
      name: contact?.name || known?.name || '',
      ...(known?.about ? { about: known.about } : {}),
      ...(picture === undefined ? {} : { picture }),
      isContact: contact !== undefined,
      isBlocked: this.blocked().includes(user),
      verified,
    };
  }

  /** Gives chats of two the name of the other one, and asks for those that were never known. */
  titled<T extends ChatSummary>(chats: readonly T[]): T[] {
    const contacts = new Map(this.contactList().map(({ userId, name }) => [userId, name]));
    return chats.map((chat) => {
      const { peer } = chat;
      if (chat.title !== '' || peer === undefined) return chat;
      const known = this.kept<Known>(`person/${peer}`);
      if (!known) this.want(peer);
      return { ...chat, title: contacts.get(peer) || known?.name || '' };
    });
  }

  contacts(): Promise<Person[]> {
    return Promise.all(this.contactList().map(({ userId }) => this.person(userId)));
  }

  blockedOnes(): Promise<Person[]> {
    return Promise.all(this.blocked().map((user) => this.person(user)));
  }

  async find(address: string): Promise<Person | undefined> {
    try {
      const found = (await this.rest.ask('POST', 'users/find', { address })) as FoundUser;
      await this.learn(found);
      return await this.person(found.userId);
    } catch (error) {
      if ((error as Partial<Refused>).code === 'notFound') return undefined;
      throw error;
    }
  }

  async setContact(user: UserId, isContact: boolean): Promise<void> {
    if (isContact) {
      const known = this.kept<Known>(`person/${user}`);
      await this.rest.ask('PUT', `contacts/${user}`, { name: known?.name ?? '' });
    } else {
      await this.rest.ask('DELETE', `contacts/${user}`);
    }
    await this.refresh();
  }

  async setBlocked(user: UserId, isBlocked: boolean): Promise<void> {
    await this.rest.ask(isBlocked ? 'PUT' : 'DELETE', `blocks/${user}`);
    await this.refresh();
  }

  /** Asks for contacts and who is blocked. */
  async refresh(): Promise<void> {
    const [contacts, blocks] = await Promise.all([this.rest.ask('GET', 'contacts'), this.rest.ask('GET', 'blocks')]);
    await this.keep('contacts', (contacts as { contacts: Contact[] }).contacts);
    await this.keep('blocks', (blocks as { userIds: UserId[] }).userIds);
    this.tell({ type: 'people' });
  }

  private contactList(): Contact[] {
    return this.kept<Contact[]>('contacts') ?? [];
  }

  private blocked(): UserId[] {
    return this.kept<UserId[]>('blocks') ?? [];
  }

  private want(user: UserId): void {
    if ((this.asked.get(user) ?? 0) + RETRY_AFTER_MS > Date.now()) return;
    this.asked.set(user, Date.now());
    this.wanted.add(user);
    if (this.running < AT_ONCE) void this.ask();
  }

  private async ask(): Promise<void> {
    this.running += 1;
    for (const user of this.wanted) {
      this.wanted.delete(user);
      try {
        const found = (await this.rest.ask('GET', `users/${user}`)) as FoundUser;
        if (await this.learn(found)) this.tellSoon();
      } catch (error) {
        const { code } = error as Partial<Refused>;
        // Nobody is logged in any more.
        if (code === 'unauthenticated') break;
        // Whoever looks again asks again, and need not wait where it was the connection.
        if (code === OFFLINE.code) this.asked.delete(user);
      }
    }
    this.running -= 1;
  }

  private tellSoon(): void {
    this.telling ??= setTimeout(() => {
      this.telling = undefined;
      this.tell({ type: 'people' });
    }, TOLD_EVERY_MS);
  }

  /** Somebody was asked for elsewhere. */
  async heard(found: FoundUser): Promise<void> {
    if (await this.learn(found)) this.tellSoon();
  }

  /** Whether it is news. */
  private async learn({ userId, name = '', about = '' }: FoundUser): Promise<boolean> {
    const before = this.kept<Known>(`person/${userId}`);
    await this.keep(`person/${userId}`, { name, about, at: Date.now() } satisfies Known);
    return before?.name !== name || before.about !== about;
  }

  private kept<T>(name: string): T | undefined {
    return readKept<T>(this.driver, name);
  }

  private keep(name: string, value: unknown): Promise<void> {
    return keepValue(this.driver, name, value);
  }
}

interface FoundUser {
  userId: UserId;
  name?: string;
  about?: string;
}

/** A value that the worker keeps in the vault beside the core's rows. */
export function readKept<T>(driver: Driver, name: string): T | undefined {
  const bytes = driver.core.kept(name);
  return bytes ? (JSON.parse(new TextDecoder().decode(bytes)) as T) : undefined;
}

/** Keeps it; resolves once it is durable. */
export function keepValue(driver: Driver, name: string, value: unknown): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return driver.change((core) => core.keep(name, bytes));
}
