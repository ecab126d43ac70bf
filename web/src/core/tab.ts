/** The tab's side of the core: calls and events over a port to the worker, which is started again when it died. */
import type { Core, CoreEvent, Failure, Session } from './api';
import { answered, peek, type Seen } from './glimpse';
import type { Call, ToTab, ToWorker } from './messages';

/** What may be asked twice, so that a worker that died in between is not noticed. */
const REPEATABLE: readonly Call[] = [
  'session',
  'connection',
  'chats',
  'summaries',
  'lookAt',
  'chat',
  'chatPicture',
  'history',
  'message',
  'messageInfo',
  'find',
  'people',
  'personPicture',
  'contacts',
  'blocked',
  'findPerson',
  'watchPresence',
  'safetyNumber',
  'profile',
  'devices',
  'storage',
  'markSeen',
  'setTyping',
  'setDraft',
  'transfers',
  'cancelTransfer',
  'retryTransfer',
  'openFile',
];
/** Calls that are not answered yet. */
const WAITING_MAX = 1_000;
/** How long a worker may take to say hello before it is started again. */
const HELLO_TIME_MAX_MS = 30_000;
const RESTART_AFTER_MS = 500;

interface Waiting {
  message: ToWorker & { type: 'call' };
  resolve: (value: unknown) => void;
  reject: (failure: Failure) => void;
  wasSent: boolean;
}

interface Port {
  postMessage(message: ToWorker): void;
  onmessage: ((event: MessageEvent<ToTab>) => void) | null;
  close(): void;
}

export class TabCore {
  private port: Port | undefined;
  private isReady = false;
  private isClosed = false;
  private lastId = 0;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Set<(event: CoreEvent) => void>();
  private readonly lock = `dunlin-tab-${crypto.randomUUID()}`;
  private letGo: (() => void) | undefined;
  /** What is shown until the worker says who is here. */
  private seen: Seen | undefined;
  private hasHeard = false;

  constructor() {
    void this.lookAhead();
    // The worker sees by this lock when the tab is gone, however it went: so it is held before the worker hears of it.
    void navigator.locks.request(this.lock, () => {
      this.start();
      return new Promise<void>((resolve) => (this.letGo = resolve));
    });
  }

  asCore(): Core {
    const own = {
      subscribe: (listener: (event: CoreEvent) => void) => {
        this.listeners.add(listener);
        return () => void this.listeners.delete(listener);
      },
      close: () => this.close(),
    };
    return new Proxy(own, {
      get: (target, name) => {
        if (name in target) return target[name as keyof typeof target];
        // A promise that resolves to this would ask whether it is one itself.
        if (typeof name !== 'string' || name === 'then') return undefined;
        return (...given: unknown[]) => this.call(name as Call, given);
      },
    }) as unknown as Core;
  }

  private call(call: Call, given: unknown[]): Promise<unknown> {
    if (this.isClosed) return Promise.reject({ code: 'stopped', message: 'This tab has let go of the core.' });
    const known = this.seen && answered(this.seen, call, given);
    if (known) return Promise.resolve(known.value);
    if (this.waiting.size >= WAITING_MAX) {
      return Promise.reject({ code: 'busy', message: 'Too much is asked at once. Try again in a moment.' });
    }
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        message: { type: 'call', id, call, arguments: given },
        resolve,
        reject,
        wasSent: false,
      };
      this.waiting.set(id, waiting);
      if (this.isReady) this.send(waiting);
    });
  }

  private send(waiting: Waiting): void {
    waiting.wasSent = true;
    try {
      this.port?.postMessage(waiting.message);
    } catch (error) {
      // What was given cannot be copied to another thread.
      this.waiting.delete(waiting.message.id);
      waiting.reject({ code: 'internal', message: String(error) });
    }
  }

  private start(): void {
    if (this.isClosed) return;
    const port = openPort();
    this.port = port;
    const late = setTimeout(() => this.restart(port), HELLO_TIME_MAX_MS);
    port.onmessage = ({ data }) => {
      if (this.port !== port) return;
      if (data.type === 'hello') {
        clearTimeout(late);
        this.isReady = true;
        // Granted when the worker is gone.
        void navigator.locks.request(data.lock, () => this.restart(port));
        for (const waiting of this.waiting.values()) this.send(waiting);
      } else {
        this.take(data);
      }
    };
    port.postMessage({ type: 'hello', lock: this.lock });
  }

  private take(message: Exclude<ToTab, { type: 'hello' }>): void {
    if (message.type === 'events') {
      for (const event of message.events) this.happened(event);
      return;
    }
    const waiting = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.type === 'failure') waiting?.reject(message.failure);
    else if (waiting?.message.call !== 'session') waiting?.resolve(message.value);
    else this.heard(message.value as Session, () => waiting.resolve(this.seen?.session ?? message.value));
  }

  private happened(event: CoreEvent): void {
    if (event.type !== 'session') this.tell(event);
    // What was seen last says more than that.
    else if (event.session.state !== 'starting' || !this.seen) this.heard(event.session, () => this.tell(event));
  }

  /** Shows what was there the last time, until the worker stands. */
  private async lookAhead(): Promise<void> {
    const seen = await peek();
    if (!seen || this.hasHeard || this.isClosed) return;
    this.seen = seen;
    this.tell({ type: 'session', session: seen.session });
  }

  /** The worker says who is here. What was shown so far was of the last time, and is read again. */
  private heard({ state }: Session, tell: () => void): void {
    if (state === 'starting') return tell();
    const { seen } = this;
    this.hasHeard = true;
    this.seen = undefined;
    tell();
    if (!seen || state !== 'ready') return;
    this.tell({ type: 'chats' });
    if (seen.open) this.tell({ type: 'messages', chat: seen.open.details.chat, seqs: 'all' });
  }

  private tell(event: CoreEvent): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event);
      } catch (error) {
        // What else happened is told all the same.
        reportError(error);
      }
    }
  }

  /** The worker died. What it was asked and may have done is not asked again. */
  private restart(port: Port): void {
    if (this.port !== port || this.isClosed) return;
    port.close();
    this.port = undefined;
    this.isReady = false;
    for (const [id, waiting] of this.waiting) {
      if (waiting.wasSent && !REPEATABLE.includes(waiting.message.call)) {
        this.waiting.delete(id);
        waiting.reject({ code: 'stopped', message: 'The app was interrupted. Look whether it was done.' });
      }
    }
    this.tell({ type: 'session', session: { state: 'starting' } });
    setTimeout(() => this.start(), RESTART_AFTER_MS);
  }

  private close(): void {
    this.isClosed = true;
    this.port?.postMessage({ type: 'bye' });
    this.port?.close();
    this.letGo?.();
    for (const waiting of this.waiting.values()) waiting.reject({ code: 'stopped', message: 'This tab was closed.' });
    this.waiting.clear();
    this.listeners.clear();
  }
}

/** A port to the worker of all tabs, or to one of this tab alone where browsers know no others. */
function openPort(): Port {
  if ('SharedWorker' in globalThis) {
    const worker = new SharedWorker(new URL('./worker/entry.ts', import.meta.url), { type: 'module', name: 'dunlin' });
    const { port } = worker;
    return port as unknown as Port;
  }
  const worker = new Worker(new URL('./worker/entry.ts', import.meta.url), { type: 'module', name: 'dunlin' });
  return Object.assign(worker, { close: () => worker.terminate() }) as unknown as Port;
}
