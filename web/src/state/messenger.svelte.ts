import type { ChatId, Connection, Core, CoreEvent, Failure, Session, UserId } from '../core/api';
import { t, type Key } from '../i18n/index.svelte';
import { dayOf } from '../text/format';
import { Chats } from './chats.svelte';
import { Faces } from './faces';
import { failureText } from './failures';
import { Files } from './files';
import type { MediaItem } from './media';
import { notify, takeBack } from './notifications';
import { Outgoing } from './outgoing.svelte';
import { People, Typing } from './people.svelte';
import { Player } from './player.svelte';
import { Preferences } from './preferences.svelte';
import { previewText } from './preview';
import { Router } from './route.svelte';
import { Transfers } from './transfers.svelte';

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

export type Overlay =
  | { kind: 'switcher' }
  | { kind: 'shortcuts' }
  | { kind: 'info'; chat: ChatId; seq: number }
  | { kind: 'safety'; user: UserId }
  | { kind: 'person'; user: UserId }
  | { kind: 'viewer'; items: MediaItem[]; index: number }
  | { kind: 'confirm'; title: string; text: string; action: string; danger: boolean; run: () => Promise<unknown> };

/** One linking that this device is asked for by another of the same person. */
export interface LinkRequest {
  device: number;
  code?: string;
  answered: boolean;
  ended?: 'linked' | Failure;
}

const TOAST_MS = 5000;
const WATCHED_MAX = 40;
/** How often what says how long ago something was is written anew. */
const MINUTE_MS = 60_000;
/** What was read in another tab meanwhile is not shouted about in this one. */
const ELSEWHERE_MS = 500;

/** What the whole app shares while one person is here: the core, what happens, where the reader is. Whoever comes next has another. */
export class Messenger {
  readonly core: Core;
  readonly chats: Chats;
  readonly people: People;
  readonly typing = new Typing();
  readonly faces: Faces;
  readonly files: Files;
  readonly transfers: Transfers;
  readonly outgoing: Outgoing;
  readonly player = new Player();
  readonly preferences: Preferences;
  readonly router = new Router();

  session = $state.raw<Session>({ state: 'starting' });
  connection = $state.raw<Connection>({ state: 'connecting' });
  /** The time, to the minute, for whatever says "today" or "a moment ago". */
  now = $state(Date.now());
  toasts = $state.raw<Toast[]>([]);
  /** Read aloud by screen readers. */
  announcement = $state('');
  overlay = $state.raw<Overlay | undefined>();
  link = $state.raw<LinkRequest | undefined>();
  readonly #listeners = new Set<(event: CoreEvent) => void>();
  readonly #left: () => void;
  /** Whose this is, as soon as it is somebody's; empty while they link their browser. */
  #owner: UserId | undefined;
  #isOver = false;
  #toastId = 0;

  /** `left` is called when the person goes. */
  constructor(core: Core, preferences: Preferences, left: () => void) {
    this.#left = left;
    this.core = core;
    this.preferences = preferences;
    this.chats = new Chats(core);
    this.people = new People(core);
    this.faces = new Faces(core);
    this.files = new Files(core);
    this.transfers = new Transfers(core);
    this.outgoing = new Outgoing(core, this.files, (failure) => this.say(failureText(failure, 'file'), true));
  }

  get me(): UserId {
    return this.session.state === 'ready' ? this.session.me : '';
  }

  /** The returned function ends it. */
  start(): () => void {
    const clock = setInterval(() => (this.now = Date.now()), MINUTE_MS);
    const stops = [this.core.subscribe((event) => this.#hear(event)), this.router.start(), () => clearInterval(clock)];
    void this.core.session().then(
      (session) => this.#enter(session),
      (failure: Failure) => this.#enter({ state: 'blocked', failure }),
    );
    void this.core.connection().then(
      (connection) => (this.connection = connection),
      () => undefined,
    );
    stops.push(
      () => (this.#isOver = true),
      () => void takeBack().catch(() => undefined),
      () => this.outgoing.end(),
      () => this.player.stop(),
      () => this.faces.end(),
    );
    return () => stops.forEach((stop) => stop());
  }

  listen(listener: (event: CoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Does something that may be refused, and says so. True if it was done. */
  async attempt(what: Promise<unknown>, done?: Key): Promise<boolean> {
    try {
      await what;
      if (done) this.say(t(done));
      return true;
    } catch (failure) {
      this.say(failureText(failure), true);
      return false;
    }
  }

  say(text: string, bad = false): void {
    const toast = { id: (this.#toastId += 1), text, bad };
    this.toasts = [...this.toasts.slice(-2), toast];
    this.announcement = text;
    setTimeout(() => (this.toasts = this.toasts.filter((other) => other.id !== toast.id)), TOAST_MS);
  }

  /** The person says that the device which asks is theirs. */
  async answerLink(): Promise<void> {
    if (!this.link) return;
    const { device } = this.link;
    this.link = { device, answered: true };
    if (!(await this.attempt(this.core.answerLink(device)))) this.link = undefined;
  }

  /** Whose presence is shown: of the chats on top of the list, and of the open one. */
  readonly watched = $derived.by(() => {
    const open = this.router.current.chat;
    const chats = [...(open ? [this.chats.get(open)] : []), ...this.chats.inbox.slice(0, WATCHED_MAX)];
    return [...new Set(chats.flatMap((chat) => chat?.peer ?? []))].sort();
  });

  setSession(session: Session): void {
    this.#enter(session);
  }

  #enter(session: Session): void {
    // An answer that comes late is for nobody.
    if (this.#isOver) return;
    const { state: before } = this.session;
    this.session = session;
    if (session.state === 'linking') this.#owner ??= '';
    // It may have been stopped or begun anew in between.
    if (session.state === 'loggedOut' && this.#owner !== undefined) return this.#left();
    if (session.state === 'ready') {
      if (this.#owner && this.#owner !== session.me) return this.#left();
      this.#owner = session.me;
    }
    if (session.state === 'ready' && before !== 'ready') void this.chats.load().catch(() => undefined);
  }

  #hear(event: CoreEvent): void {
    // What comes after midnight is of another day.
    if (event.type === 'messages' && dayOf(Date.now()) !== dayOf(this.now)) this.now = Date.now();
    switch (event.type) {
      case 'session':
        this.#enter(event.session);
        break;
      case 'connection':
        this.connection = event.connection;
        // Nobody tells any more that somebody went.
        if (event.connection.state !== 'online') this.people.forgetOnline();
        break;
      case 'chats':
        this.chats.hear();
        break;
      case 'chat':
      case 'messages':
        this.chats.hear(event.chat);
        break;
      case 'notify':
        this.chats.hear(event.chat);
        void this.#notify(event);
        break;
      case 'typing':
        this.typing.set(event.chat, event.user, event.typing);
        break;
      case 'presence':
        this.people.presence.set(event.presence.user, event.presence);
        break;
      case 'people':
        this.people.changed();
        // Chats of two are called as the other one is.
        this.chats.hearAll();
        break;
      case 'linkAsked':
        // A question that repeats itself must not shut what was answered already.
        if (!this.link || this.link.ended) this.link = { device: event.device, answered: false };
        break;
      case 'linkCode':
        this.link = { device: event.device, code: event.code, answered: true };
        break;
      case 'linkEnded':
        if (this.link?.device === event.device) this.link = { ...this.link, ended: event.failure ?? 'linked' };
        break;
      case 'refused':
        this.#refused(event);
        break;
      case 'transfer':
        this.transfers.hear(event);
        this.files.hear(event);
        break;
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** It may have been said long ago, and elsewhere than where one looks now. */
  #refused({ chat, failure }: CoreEvent & { type: 'refused' }): void {
    const title = this.router.current.chat === chat ? undefined : this.chats.get(chat)?.title;
    const text = failureText(failure);
    this.say(title ? t('refused.in', { chat: title, text }) : text, true);
  }

  async #isSeenElsewhere({ chat, message: { place } }: CoreEvent & { type: 'notify' }): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, ELSEWHERE_MS));
    const details = await this.core.chat(chat).catch(() => undefined);
    return details !== undefined && 'at' in place && place.at <= details.seen;
  }

  async #notify(event: CoreEvent & { type: 'notify' }): Promise<void> {
    const name = await this.people.named(event.message.sender.user);
    const text = previewText(event.message);
    const chat = this.chats.get(event.chat);
    const isOpen = this.router.current.chat === event.chat && document.hasFocus();
    if (isOpen) this.announcement = t('announce.message', { name, text });
    else if (!chat?.muted) {
      if (!document.hasFocus() && (await this.#isSeenElsewhere(event))) return;
      if (this.#isOver) return;
      this.announcement = t('announce.elsewhere', { name, chat: chat?.title ?? '' });
      notify(this.preferences, event.chat, chat?.kind === 'direct' ? name : `${name} · ${chat?.title ?? ''}`, text);
    }
  }
}
