/** The connection to the server: made again for as long as there is somebody to connect. */
import type { Connection, Failure } from '../api';
import type { Heard } from './core';
import type { Driver } from './driver';
import { Link } from './link';
import type { Rest } from './rest';

/** Waits between attempts: from zero to twice the last, at most to the cap (Brooker, "Exponential Backoff And Jitter"). */
const BACKOFF_BASE_MS = 250;
const BACKOFF_CAP_MS = 30_000;
/** A link that lived so long was a good one: the next attempt starts with short waits. */
const STABLE_AFTER_MS = 10_000;

export class Connected {
  private attempt = 0;
  private isWanted = true;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private rejected: string | undefined;
  private refused: Failure | undefined;
  private comeBackAfter: number | undefined;
  private current: Connection = { state: 'connecting' };

  constructor(
    private readonly driver: Driver,
    private readonly rest: Rest,
    private readonly tell: (connection: Connection) => void,
  ) {
    globalThis.addEventListener('online', this.network);
    globalThis.addEventListener('offline', this.network);
    void this.connect();
  }

  get state(): Connection {
    return this.current;
  }

  /** Everything that was missed has come. */
  caughtUp(): void {
    if (this.current.state === 'online') this.become({ state: 'online', caughtUp: true });
  }

  /** Ends the link; another one is made at once. */
  reconnect(): void {
    this.comeBackAfter = 0;
    this.driver.link?.close();
  }

  /** Somebody looks: a server that is waited for is tried now. */
  tryNow(): void {
    if (this.retryTimer === undefined) return;
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    void this.connect();
  }

  stop(): void {
    this.isWanted = false;
    clearTimeout(this.retryTimer);
    globalThis.removeEventListener('online', this.network);
    globalThis.removeEventListener('offline', this.network);
    this.driver.link?.close();
  }

  private readonly network = (): void => {
    this.driver.link?.check();
    if (navigator.onLine) this.tryNow();
  };

  private become(connection: Connection): void {
    this.current = connection;
    this.tell(connection);
  }

  private async connect(): Promise<void> {
    if (!this.isWanted) return;
    this.retryTimer = undefined;
    this.become({ state: 'connecting' });
    let token: string;
    try {
      token = await this.rest.token(this.rejected);
    } catch (error) {
      this.wait((error as Failure).message, (error as Failure).retryAfter);
      return;
    }
    if (!this.isWanted) return;
    const began = Date.now();
    const { driver } = this;
    const seed = crypto.getRandomValues(new Uint8Array(32));
    driver.push({ begin: (core) => (core.entropy(Date.now(), seed), true) });
    const first = driver.core.authenticate(token) as Uint8Array<ArrayBuffer>;
    const link: Link = new Link(first, () => driver.core.probe() as Uint8Array<ArrayBuffer>, {
      heard: (frame) =>
        driver.push({
          begin: (core) => {
            if (driver.link !== link) return 'nothing';
            return this.take(core.hear(Date.now(), frame) as Heard, link, token);
          },
        }),
      closed: () => {
        const wasReady = link.isReady;
        if (driver.link === link) driver.link = undefined;
        driver.push({ begin: (core) => (core.disconnected(Date.now()), true) });
        if (wasReady && Date.now() - began >= STABLE_AFTER_MS) this.attempt = 0;
        this.wait(this.refused?.message ?? 'The server cannot be reached.', this.comeBackAfter);
      },
    });
    driver.link = link;
  }

  /** Whether a step has begun. */
  private take(heard: Heard, link: Link, token: string): true | 'nothing' {
    switch (heard.kind) {
      case 'welcome':
        link.isReady = true;
        link.welcomed(heard.heartbeat);
        this.rejected = undefined;
        this.refused = undefined;
        this.become({ state: 'online', caughtUp: false });
        return true;
      case 'step':
        return true;
      case 'refused': {
        const { failure } = heard;
        this.refused = failure;
        if (failure.code === 'unauthenticated' || failure.code === 'deviceRevoked') {
          // The first time a new token helps, or there is none: either is known at once.
          if (this.rejected === undefined) this.comeBackAfter = 0;
          this.rejected = token;
        } else {
          this.comeBackAfter = failure.retryAfter;
        }
        link.close();
        return 'nothing';
      }
      case 'draining':
        this.comeBackAfter = heard.after;
        link.close();
        return 'nothing';
      case 'nothing':
        return 'nothing';
    }
  }

  private wait(why: string, comeBackAfter: number | undefined): void {
    if (!this.isWanted) return;
    const ceiling = Math.min(BACKOFF_BASE_MS * 2 ** this.attempt, BACKOFF_CAP_MS);
    this.attempt = Math.min(this.attempt + 1, 20);
    const wait = comeBackAfter ?? Math.random() * ceiling;
    this.comeBackAfter = undefined;
    if (wait > 0) this.become({ state: 'offline', why, retryAt: Date.now() + wait });
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => void this.connect(), wait);
  }
}
