/** The app's core in this worker: who is logged in, and what each call does. */
import type {
  Connection,
  Core as CoreApi,
  CoreEvent,
  Failure,
  LastSeenAudience,
  Message,
  OwnDevice,
  Session,
} from '../api';
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
import { People, keepValue, readKept } from './people';
import { OFFLINE, Rest, type Credentials } from './rest';
import { Storage } from './storage';

/** Whoever holds this Web Lock runs the core; a worker of another release waits for it. */
const CORE_LOCK = 'dunlin-core';
/** Messages that are told of at once; what came while nobody was here is not news one by one. */
const NEWS_MAX = 20;

/** How often, and how long after, storage that was taken away is opened again. */
const REOPENINGS_MAX = 5;
const REOPEN_AFTER_MS = 200;

type Methods = { [Name in Call]: (...given: Parameters<NonNullable<CoreApi[Name]>>) => unknown };

/** What there is once the vault is open. */
interface Parts {
  storage: Storage;
  driver: Driver;
  rest: Rest;
  people: People;
  commands: Commands;
}

export class App {
  private session: Session = { state: 'starting' };
  private parts: Parts | undefined;
  private connected: Connected | undefined;
  private readonly started: Promise<void>;
  private isStarted!: () => void;
  private isOpening = false;

  constructor(private readonly tell: (event: CoreEvent) => void) {
    this.started = new Promise((resolve) => (this.isStarted = resolve));
  }

  /** Waits for the lock, opens the vault, and connects if somebody is logged in. */
  async start(): Promise<void> {
    try {
      await load({ module_or_path: address });
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

  private connection(): Connection {
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

  private block(failure: Failure): void {
    this.disconnect();
    this.parts?.driver.stop();
    this.parts?.storage.close();
    this.parts = undefined;
    this.become({ state: 'blocked', failure });
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
    const core = new Core(storage.key, crypto.getRandomValues(new Uint8Array(32)));
    const driver: Driver = new Driver(core, storage, {
      happened: (effects) => this.happened(effects),
      stopped: (failure) => this.block(failure),
    });
    await driver.load(Core.ranges());
    const rest = new Rest(
      () => readKept<Login>(driver, 'login'),
      (credentials) => this.keepLogin(driver, credentials),
      () => void this.forget('revoked'),
    );
    const people = new People(driver, rest, (event) => this.tell(event));
    const commands = new Commands(driver, () => this.connected?.state.state === 'online');
    this.parts = { storage, driver, rest, people, commands };
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
      this.tell({ type: 'connection', connection });
      if (connection.state === 'offline') this.parts?.commands.offline();
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
    const { storage, driver } = this.opened;
    this.disconnect();
    driver.stop();
    this.parts = undefined;
    await storage.wipe().catch((error: unknown) => console.warn('the vault was not removed', error));
    await this.reopen(why);
  }

  private happened(effects: Effects): void {
    if (!this.parts) return;
    const { driver, rest, commands } = this.parts;
    commands.happened(effects);
    for (const event of effects.events) this.pass(event);
    for (const want of effects.wants) void carryOut(want, driver, rest);
    for (const { chat, seq } of effects.news.slice(-NEWS_MAX)) void this.news(chat, seq);
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
  private async news(chat: string, seq: number): Promise<void> {
    const driver = this.parts?.driver;
    const item = (await driver?.ask({ type: 'message', chat, seq }).catch(() => undefined)) as Message | undefined;
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
    const { driver, rest } = this.opened;
    const profile = (await rest.ask('GET', 'profile')) as ProfileDocument;
    await keepValue(driver, 'profile', profile);
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
        if (error !== OFFLINE && (error as { status?: number }).status !== 401) throw error;
      });
      await this.forget('loggedOut');
    },

    chats: (skip, limit) => this.opened.driver.ask({ type: 'chats', skip, limit }),
    chat: (chat) => this.opened.driver.ask({ type: 'chat', chat }),
    history: (chat, before, limit) => {
      const from = before === undefined ? {} : { before };
      return this.opened.driver.ask({ type: 'history', chat, limit, ...from });
    },
    message: (chat, seq) => this.opened.driver.ask({ type: 'message', chat, seq }),
    messageInfo: async (chat, seq) => {
      const { driver, commands } = this.opened;
      void commands.act({ type: 'refreshReceipts', chat }, 'stored');
      return driver.ask({ type: 'info', chat, seq });
    },
    find: async (text, chat, limit) => {
      const { driver, commands } = this.opened;
      try {
        return await driver.ask({ type: 'find', text, limit, ...(chat === undefined ? {} : { chat }) });
      } catch (error) {
        // The index is damaged. It is made anew from the messages.
        void commands.act({ type: 'rebuildSearch' }, 'stored');
        throw error;
      }
    },

    sendText: async (chat, text, options) => {
      const { mentions, replyTo } = options ?? {};
      const more = { ...(mentions ? { mentions } : {}), ...(replyTo === undefined ? {} : { replyTo }) };
      return { place: await this.opened.commands.say(chat, { type: 'send', chat, text, ...more }) };
    },
    edit: (chat, seq, text) => this.opened.commands.say(chat, { type: 'edit', chat, seq, text }).then(() => undefined),
    react: (chat, seq, emoji) =>
      this.opened.commands
        .say(chat, { type: 'react', chat, seq, ...(emoji === undefined ? {} : { emoji }) })
        .then(() => undefined),
    deleteForEveryone: (chat, seq) => this.act({ type: 'delete', chat, seq }),
    deleteForMe: (chat, seq) => this.act({ type: 'hide', chat, seq }),
    cancel: (chat, place) => this.act({ type: 'cancel', chat, place }),
    markSeen: (chat, seq) => this.act({ type: 'markSeen', chat, seq }),
    setTyping: (chat, typing) => this.act({ type: 'typing', chat, typing }),
    setDraft: (chat, text) => this.act({ type: 'draft', chat, text }),
    setChatFlags: async (chat, flags) => {
      const { driver } = this.opened;
      const name = `flags/${chat}`;
      await driver.change((core) => {
        const letters = new Set(new TextDecoder().decode(core.kept(name) ?? new Uint8Array()));
        for (const flag of ['pinned', 'muted', 'archived'] as const) {
          const letter = flag.charAt(0);
          if (flags[flag] === true) letters.add(letter);
          if (flags[flag] === false) letters.delete(letter);
        }
        core.keep(name, new TextEncoder().encode([...letters].join('')));
      });
      this.tell({ type: 'chat', chat });
      this.tell({ type: 'chats' });
    },

    startDirect: (user) => this.opened.commands.startChat({ type: 'direct', user }),
    createGroup: (title, members) => this.opened.commands.startChat({ type: 'group', title, members }),
    setTitle: (chat, text) => this.opened.commands.change(chat, { type: 'title', text }),
    setDescription: (chat, text) => this.opened.commands.change(chat, { type: 'description', text }),
    setTimer: (chat, seconds) => this.opened.commands.change(chat, { type: 'timer', seconds }),
    addMembers: (chat, users) => this.opened.commands.change(chat, { type: 'add', users }),
    removeMember: (chat, user) => this.opened.commands.change(chat, { type: 'remove', user }),
    banMember: (chat, user) => this.opened.commands.change(chat, { type: 'ban', user }),
    setRole: (chat, user, role) => this.opened.commands.change(chat, { type: 'role', user, role }),
    leave: (chat) => this.opened.commands.change(chat, { type: 'leave' }),
    deleteChat: (chat) => this.opened.commands.change(chat, { type: 'deleteChat' }),
    makeInvite: async (chat) => {
      const end = await this.opened.commands.act({ type: 'invite', chat }, 'accepted');
      if (!end?.code) throw OFFLINE;
      return end.code;
    },
    revokeInvite: (chat) => this.opened.commands.change(chat, { type: 'revokeInvite' }),
    join: async (code) => {
      await this.opened.commands.act({ type: 'join', code }, 'accepted');
      return code.trim().split('.')[0];
    },

    people: (users) => Promise.all(users.map((user) => this.opened.people.person(user))),
    contacts: () => this.opened.people.contacts(),
    findPerson: (address) => this.opened.people.find(address.trim()),
    setContact: (user, isContact) => this.opened.people.setContact(user, isContact),
    setBlocked: (user, isBlocked) => this.opened.people.setBlocked(user, isBlocked),
    watchPresence: (users) => this.act({ type: 'watchPresence', users }),
    safetyNumber: (user) => this.opened.driver.ask({ type: 'safetyNumber', user }),
    setVerified: (user, verified) => this.act({ type: 'verified', user, verified }),

    profile: async () => {
      const { driver, rest } = this.opened;
      const [profile, settings] = await Promise.all([
        this.learnProfile(),
        rest.ask('GET', 'settings') as Promise<SettingsDocument>,
      ]).catch(() => [readKept<ProfileDocument>(driver, 'profile') ?? {}, undefined] as const);
      const lastSeen = settings ? AUDIENCES[settings.lastSeen] : 'everyone';
      return { name: profile.name ?? '', about: profile.about ?? '', lastSeen };
    },
    setProfile: async ({ name, about, lastSeen }) => {
      const { rest } = this.opened;
      if (name !== undefined || about !== undefined) {
        const before = (await rest.ask('GET', 'profile')) as ProfileDocument;
        const now = { ...before, name: name ?? before.name ?? '', about: about ?? before.about ?? '' };
        await rest.ask('PUT', 'profile', now);
        await this.learnProfile();
      }
      if (lastSeen !== undefined) {
        const before = (await rest.ask('GET', 'settings')) as SettingsDocument;
        await rest.ask('PUT', 'settings', { ...before, lastSeen: audienceName(lastSeen) });
      }
    },
    devices: () => this.ownDevices(),
    revokeDevice: (number) => this.opened.rest.ask('DELETE', `devices/${number}`).then(() => undefined),
    answerLink: (device) => this.act({ type: 'answerLink', device }),
    scanLink: (text) => this.act({ type: 'scanLink', text }),
    confirmLink: (device) => this.act({ type: 'confirmLink', device }),
    refuseLink: (device) => this.act({ type: 'refuseLink', device }),
    storage: async () => {
      const { usage = 0, quota } = await navigator.storage.estimate();
      const messages = (await this.opened.driver.ask({ type: 'count' })) as number;
      const persisted = await navigator.storage.persisted();
      return { usedBytes: usage, messages, persisted, ...(quota === undefined ? {} : { quotaBytes: quota }) };
    },

    sendFiles: () => notYet(),
    cancelTransfer: () => notYet(),
    openFile: () => notYet(),
  };

  private act(wish: Parameters<Commands['act']>[0]): Promise<void> {
    return this.opened.commands.act(wish, 'stored').then(() => undefined);
  }
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

function notYet(): Promise<never> {
  return Promise.reject({ code: 'notSupported', message: 'Files cannot be sent from here yet.' } satisfies Failure);
}
