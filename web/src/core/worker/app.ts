/** The app's core in this worker: who is logged in, and what each call does. */
import type {
  ChatDetails,
  ChatId,
  ChatSummary,
  Connection,
  CoreEvent,
  Failure,
  LastSeenAudience,
  Message,
  OwnDevice,
  Page,
  Session,
} from '../api';
import { GLIMPSE_CHATS, GLIMPSE_ITEMS, keepable, type SeenChat } from '../glimpse';
import { failureOf, type Call } from '../messages';
import load, { Core } from '../wasm/dunlin';
import address from '../wasm/dunlin_bg.wasm?url';
import { Commands } from './commands';
import { Connected } from './connection';
import {
  AUDIENCES,
  type Effects,
  type InnerEvent,
  type Login,
  type ProfileDocument,
  type SettingsDocument,
} from './core';
import { Driver } from './driver';
import { carryOut } from './errands';
import { Files } from './files';
import { People, keepValue, readKept } from './people';
import { OFFLINE, Rest, type Credentials, type Refused } from './rest';
import { Storage } from './storage';
import { talking, type Methods, type Opened } from './talking';

/** Whoever holds this Web Lock runs the core; a worker of another release waits for it. */
const CORE_LOCK = 'dunlin-core';
/** Messages that are told of at once; what came while nobody was here is not news one by one. */
const NEWS_MAX = 20;

/** The top of the list is kept for the next time so long after it changed. */
const GLIMPSE_AFTER_MS = 1_000;

/** How often, and how long after, storage that was taken away is opened again. */
const REOPENINGS_MAX = 5;
const REOPEN_AFTER_MS = 200;
/** How long after a write that failed it is looked whether the data was taken away. */
const CLEARED_WITHIN_MS = 500;

/** What there is once the vault is open. */
interface Parts extends Opened {
  storage: Storage;
}

export class App {
  session: Session = { state: 'starting' };
  private parts: Parts | undefined;
  private connected: Connected | undefined;
  private readonly started: Promise<void>;
  private isStarted!: () => void;
  private isOpening = false;
  /** The core as a program, on its way. */
  private code: Promise<unknown> | undefined;
  /** The chat that was opened last. */
  private lookedAt: ChatId | undefined;
  /** One after the other, so that the newest is the last. */
  private glimpsed: Promise<void> = Promise.resolve();
  private glimpseTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly told: (event: CoreEvent) => void) {
    this.started = new Promise((resolve) => (this.isStarted = resolve));
  }

  /** Waits for the lock, opens the vault, and connects if somebody is logged in. */
  async start(): Promise<void> {
    try {
      this.code = load({ module_or_path: address });
      // Whoever waits for it hears that it failed.
      this.code.catch(() => {});
      await this.own();
      await this.openVault();
    } catch (error) {
      this.block(failureOf(error));
    }
  }

  async call(call: Call, given: unknown[]): Promise<unknown> {
    if (call === 'session') return this.session;
    if (call === 'connection') return this.connection();
    // What needs no vault is answered at once; the rest once it is known whether there is one.
    if (this.session.state === 'starting') await this.started;
    const method = this.methods[call] as ((...given: unknown[]) => unknown) | undefined;
    if (!method) throw { code: 'internal', message: `There is no ${call}.` } satisfies Failure;
    return method(...given);
  }

  connection(): Connection {
    return this.connected?.state ?? { state: 'offline', why: 'Nobody is logged in.' };
  }

  private get opened(): Parts {
    if (!this.parts) {
      const failure = this.session.state === 'blocked' ? this.session.failure : undefined;
      throw failure ?? ({ code: 'stopped', message: 'The app is not ready.' } satisfies Failure);
    }
    return this.parts;
  }

  private become(session: Session): void {
    this.session = session;
    if (session.state !== 'starting') this.isStarted();
    this.tell({ type: 'session', session });
  }

  private tell(event: CoreEvent): void {
    if (event.type === 'chats') this.glimpseSoon();
    this.told(event);
  }

  private looksAt(chat: ChatId): void {
    this.lookedAt = chat;
    this.glimpseSoon();
  }

  private glimpseSoon(): void {
    this.glimpseTimer ??= setTimeout(() => {
      this.glimpseTimer = undefined;
      this.glimpsed = this.glimpsed.then(() => this.keepGlimpse());
    }, GLIMPSE_AFTER_MS);
  }

  private async keepGlimpse(): Promise<void> {
    const { session, parts } = this;
    if (session.state !== 'ready' || !parts) return;
    try {
      // Until one is opened, it is the one of the last time.
      const last = this.lookedAt ?? (await parts.storage.glimpse.read())?.open?.details.chat;
      this.lookedAt ??= last;
      const chats = (await parts.driver.ask({ type: 'chats', skip: 0, limit: GLIMPSE_CHATS })) as ChatSummary[];
      const open = this.lookedAt === undefined ? undefined : await this.glimpseOf(this.lookedAt, parts);
      await parts.storage.glimpse.keep({ session, chats: parts.people.titled(chats), ...(open ? { open } : {}) });
    } catch (error) {
      console.warn('what is seen was not kept', error);
    }
  }

  private async glimpseOf(chat: ChatId, { driver, people }: Parts): Promise<SeenChat | undefined> {
    const details = (await driver.ask({ type: 'chat', chat })) as ChatDetails | undefined;
    if (!details) return undefined;
    const page = (await driver.ask({ type: 'history', chat, limit: GLIMPSE_ITEMS })) as Page;
    return keepable(people.titled([details])[0] ?? details, page);
  }

  private block(failure: Failure): void {
    this.disconnect();
    this.parts?.files.stop();
    this.parts?.driver.stop();
    this.parts?.storage.close();
    this.parts = undefined;
    this.become({ state: 'blocked', failure });
  }

  /** What was being written when somebody cleared the site fails before that is known, and is another matter. */
  private async storageFailed(failure: Failure): Promise<void> {
    this.block(failure);
    await new Promise((resolve) => setTimeout(resolve, CLEARED_WITHIN_MS));
    if (this.session.state === 'blocked' && !this.isOpening && (await Storage.isGone())) await this.cleared();
  }

  /** Resolves once this worker is the one. */
  private own(): Promise<void> {
    const hold = (owned: () => void) => () => {
      owned();
      return new Promise<void>(() => {});
    };
    return new Promise((owned) => {
      void navigator.locks.request(CORE_LOCK, { ifAvailable: true }, (lock) => {
        if (lock) return hold(owned)();
        this.become({ state: 'blocked', failure: { code: 'otherTab', message: 'Dunlin runs in another tab.' } });
        void navigator.locks.request(CORE_LOCK, hold(owned));
        return undefined;
      });
    });
  }

  private async openVault(why?: 'revoked' | 'cleared' | 'loggedOut'): Promise<void> {
    const storage = await Storage.open(() => void this.cleared());
    await storage.claim();
    await this.code;
    const core = new Core(storage.key, crypto.getRandomValues(new Uint8Array(32)));
    const driver: Driver = new Driver(core, storage, {
      happened: (effects) => this.happened(effects),
      stopped: (failure) => void this.storageFailed(failure),
    });
    await driver.load(Core.ranges());
    const rest = new Rest(
      () => readKept<Login>(driver, 'login'),
      (credentials) => this.keepLogin(driver, credentials),
      () => void this.forget('revoked'),
    );
    const people = new People(driver, rest, (event) => this.tell(event));
    const commands = new Commands(driver, () => this.connected?.state.state === 'online');
    const files = new Files({ driver, rest, commands }, storage.pieces, (event) => this.tell(event));
    this.parts = { storage, driver, rest, people, commands, files };
    const login = readKept<Login>(driver, 'login');
    if (!login) {
      this.become({ state: 'loggedOut', ...(why ? { why } : {}) });
    } else if (core.open()) {
      this.ready(login);
    } else {
      core.enter(login.userId, login.device);
      this.connect();
    }
  }

  private keepLogin(driver: Driver, credentials: Credentials): Promise<void> {
    const address = readKept<Login>(driver, 'login')?.address ?? '';
    return keepValue(driver, 'login', { address, ...credentials });
  }

  private connect(): void {
    const { driver, rest } = this.opened;
    this.connected?.stop();
    this.connected = new Connected(driver, rest, (connection) => {
      driver.isCaughtUp = connection.state === 'online' && connection.caughtUp;
      this.tell({ type: 'connection', connection });
      if (connection.state === 'offline') this.parts?.commands.offline();
      if (connection.state === 'online') this.parts?.files.online();
    });
  }

  private disconnect(): void {
    this.connected?.stop();
    this.connected = undefined;
  }

  private ready(login: Login): void {
    const name = readKept<ProfileDocument>(this.opened.driver, 'profile')?.name ?? '';
    this.become({ state: 'ready', me: login.userId, device: login.device, name, address: login.address });
    this.connect();
    this.opened.files.start();
  }

  /** A tab came, or came back. What storage could not do before, it may now: space was made, or the page loaded again. */
  async visited(): Promise<void> {
    this.connected?.tryNow();
    if (this.session.state !== 'blocked' || this.session.failure.code === 'otherTab' || this.isOpening) return;
    await this.reopen();
  }

  /** The person, or the browser for want of space, removed the data of this site. */
  private async cleared(): Promise<void> {
    this.disconnect();
    this.parts?.files.stop();
    this.parts?.driver.stop();
    this.parts = undefined;
    // While it is being removed it cannot be opened.
    for (let tries = 1; tries <= REOPENINGS_MAX; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, REOPEN_AFTER_MS * tries));
      await this.reopen('cleared');
      if (this.session.state !== 'blocked') return;
    }
  }

  private async reopen(why?: 'revoked' | 'cleared' | 'loggedOut'): Promise<void> {
    this.isOpening = true;
    try {
      await this.openVault(why);
    } catch (error) {
      this.block(failureOf(error));
    } finally {
      this.isOpening = false;
    }
  }

  /** Removes everything here and begins as a browser that was never logged in. */
  private async forget(why: 'revoked' | 'loggedOut'): Promise<void> {
    const { storage, driver, files } = this.opened;
    this.disconnect();
    files.stop();
    driver.stop();
    this.parts = undefined;
    await storage.wipe().catch((error: unknown) => console.warn('the vault was not removed', error));
    await this.reopen(why);
  }

  private happened(effects: Effects): void {
    if (!this.parts) return;
    const { driver, rest, commands } = this.parts;
    commands.happened(effects);
    const news = effects.news.slice(-NEWS_MAX).map(({ chat, seq }) => {
      const item = driver.known({ type: 'message', chat, seq }) as Message | undefined;
      return { chat, seq, item: item?.type === 'message' ? item : undefined };
    });
    for (const event of effects.events) this.pass(withItems(event, news));
    for (const want of effects.wants) void carryOut(want, driver, rest);
    for (const { chat, seq, item } of news) void this.news(chat, seq, item);
    if (effects.searchDamaged) void commands.act({ type: 'rebuildSearch' }, 'stored');
    if (effects.accountMade) {
      const login = readKept<Login>(driver, 'login');
      if (login) this.ready(login);
    } else if (effects.reconnect) {
      this.connected?.reconnect();
    }
  }

  private pass(event: CoreEvent | InnerEvent): void {
    switch (event.type) {
      case 'caughtUp':
        this.connected?.caughtUp();
        void this.refresh();
        return;
      case 'entering':
        void this.entering(event);
        return;
      default:
        this.tell(event);
    }
  }

  private async entering({ text, code, others, failure }: InnerEvent & { type: 'entering' }): Promise<void> {
    const before = this.session.state === 'linking' ? this.session : undefined;
    const linking: Session & { state: 'linking' } = {
      state: 'linking',
      text: text ?? before?.text ?? '',
      otherDevices: before?.otherDevices ?? others.map((number) => `#${number}`),
      ...(code === undefined ? {} : { code }),
      ...(failure === undefined ? {} : { failure }),
    };
    this.become(linking);
    if (before) return;
    const devices = await this.ownDevices().catch(() => []);
    const names = devices.filter((device) => !device.isThis && others.includes(device.number)).map(({ name }) => name);
    const now = this.session as Session;
    if (names.length > 0 && now.state === 'linking') this.become({ ...now, otherDevices: names });
  }

  /** Somebody said something that is unread. */
  private async news(chat: string, seq: number, known: Message | undefined): Promise<void> {
    const driver = this.parts?.driver;
    const read = () => driver?.ask({ type: 'message', chat, seq }).catch(() => undefined);
    const item = known ?? ((await read()) as Message | undefined);
    if (item?.type !== 'message' || (item.body.kind !== 'text' && item.body.kind !== 'files')) return;
    const details = (await driver?.ask({ type: 'chat', chat })) as { seen: number } | undefined;
    if (details && seq > details.seen) this.tell({ type: 'notify', chat, message: item });
  }

  /** What the server knows of this person and others may have changed meanwhile. */
  private async refresh(): Promise<void> {
    try {
      await this.opened.people.refresh();
      await this.learnProfile();
    } catch {
      // With the next connection.
    }
  }

  private async learnProfile(): Promise<ProfileDocument> {
    const { driver, rest, people } = this.opened;
    const profile = (await rest.ask('GET', 'profile')) as ProfileDocument;
    await keepValue(driver, 'profile', profile);
    // Whoever is shown among others, as members of a group are, is called what they call themselves.
    if (this.session.state === 'ready') await people.heard({ ...profile, userId: this.session.me });
    if (this.session.state === 'ready' && this.session.name !== (profile.name ?? '')) {
      this.become({ ...this.session, name: profile.name ?? '' });
    }
    return profile;
  }

  private async ownDevices(): Promise<OwnDevice[]> {
    const { devices } = (await this.opened.rest.ask('GET', 'devices')) as { devices: DeviceDocument[] };
    return devices.map((device) => ({
      number: device.number,
      name: device.name,
      isThis: device.current === true,
      created: device.createdMs,
      ...(device.refreshedMs ? { lastUsed: device.refreshedMs } : {}),
    }));
  }

  private entered(wish: 'confirm' | 'restart' | 'newIdentity'): Promise<void> {
    const { driver } = this.opened;
    return new Promise((stored, failed) => {
      driver.push({ begin: (core) => (core.entering(Date.now(), wish), true), stored, failed, durable: true });
    });
  }

  /** Resolves with what follows from a login: an identity of its own, or linking. */
  private async afterLogin(): Promise<Session> {
    for (let tries = 0; tries < 300; tries += 1) {
      const { state } = this.session;
      if (state === 'ready' || state === 'linking' || state === 'blocked') break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return this.session;
  }

  private readonly methods: Methods = {
    session: () => this.session,
    connection: () => this.connection(),

    requestCode: (address) => this.opened.rest.open('POST', 'otp', { address: address.trim() }).then(() => undefined),
    logIn: async (address, code, deviceName) => {
      const { driver, rest } = this.opened;
      if (this.session.state !== 'loggedOut') throw { code: 'stopped', message: 'Somebody is logged in already.' };
      const body = { address: address.trim(), code: code.trim(), deviceName };
      const { credentials } = (await rest.open('POST', 'auth/login', body)) as { credentials: Credentials };
      await keepValue(driver, 'login', { ...credentials, address: address.trim() } satisfies Login);
      driver.core.enter(credentials.userId, credentials.device);
      this.become({ state: 'starting' });
      this.connect();
      void globalThis.navigator.storage?.persist?.();
      return this.afterLogin();
    },
    confirmCode: () => this.entered('confirm'),
    restartLinking: () => this.entered('restart'),
    newIdentity: async () => {
      const { rest } = this.opened;
      for (const device of await this.ownDevices()) {
        if (!device.isThis) await rest.ask('DELETE', `devices/${device.number}`);
      }
      await this.entered('newIdentity');
    },
    logOut: async () => {
      const { rest } = this.opened;
      // Offline it is forgotten here, and its login ends when it is revoked elsewhere.
      await rest.ask('POST', 'auth/logout').catch((error: unknown) => {
        const { code, status } = error as Partial<Refused>;
        if (code !== OFFLINE.code && status !== 401) throw error;
      });
      await this.forget('loggedOut');
    },

    profile: async () => {
      const { driver, rest } = this.opened;
      // What cannot be asked is shown as it was known last.
      await Promise.allSettled([
        this.learnProfile(),
        rest.ask('GET', 'settings').then((settings) => keepValue(driver, 'settings', settings)),
      ]);
      const profile = readKept<ProfileDocument>(driver, 'profile') ?? {};
      const settings = readKept<SettingsDocument>(driver, 'settings');
      return {
        name: profile.name ?? '',
        about: profile.about ?? '',
        lastSeen: settings && AUDIENCES[settings.lastSeen],
      };
    },
    setProfile: async ({ name, about, lastSeen }) => {
      const { driver, rest } = this.opened;
      if (name !== undefined || about !== undefined) {
        const before = (await rest.ask('GET', 'profile')) as ProfileDocument;
        const now = { ...before, name: name ?? before.name ?? '', about: about ?? before.about ?? '' };
        await rest.ask('PUT', 'profile', now);
        await this.learnProfile();
      }
      if (lastSeen !== undefined) {
        const before = (await rest.ask('GET', 'settings')) as SettingsDocument;
        const now = { ...before, lastSeen: audienceName(lastSeen) };
        await rest.ask('PUT', 'settings', now);
        await keepValue(driver, 'settings', now);
      }
    },
    lookAt: (chat) => this.looksAt(chat),
    devices: () => this.ownDevices(),
    revokeDevice: (number) => this.opened.rest.ask('DELETE', `devices/${number}`).then(() => undefined),

    ...talking(() => this.opened, (event) => this.tell(event)),
  };
}

interface DeviceDocument {
  number: number;
  name: string;
  createdMs: number;
  current?: boolean;
  refreshedMs?: number;
}

function audienceName(audience: LastSeenAudience): SettingsDocument['lastSeen'] {
  const names = Object.keys(AUDIENCES) as SettingsDocument['lastSeen'][];
  return names.find((name) => AUDIENCES[name] === audience) ?? 'LAST_SEEN_EVERYONE';
}

/** An event of messages, with those of them that just came and are known. */
function withItems(event: CoreEvent | InnerEvent, news: { chat: string; seq: number; item: Message | undefined }[]) {
  if (event.type !== 'messages' || event.seqs === 'all') return event;
  const { chat, seqs } = event;
  const items = news.flatMap((one) => (one.item && one.chat === chat && seqs.includes(one.seq) ? [one.item] : []));
  return items.length > 0 ? { ...event, items } : event;
}
