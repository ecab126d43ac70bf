/** Taking turns, and waiting before something is tried again. */

/** Waits are drawn from zero to a ceiling that doubles from the base to the cap (Brooker, "Exponential Backoff And Jitter"). */
const BASE_MS = 250;
const CAP_MS = 30_000;

/** Waits that can be ended together: there is a connection again, say. */
export class Pauses {
  private readonly pauses = new Set<() => void>();

  wake(): void {
    for (const end of [...this.pauses]) end();
  }

  /** Rejects when `signal` says so. What has to last cannot be ended. */
  wait(milliseconds: number, mustLast: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const over = (): void => {
        clearTimeout(timer);
        this.pauses.delete(end);
        signal.removeEventListener('abort', stop);
      };
      const end = (): void => (over(), resolve());
      const stop = (): void => (over(), reject(signal.reason));
      const timer = setTimeout(end, milliseconds);
      if (!mustLast) this.pauses.add(end);
      signal.addEventListener('abort', stop);
    });
  }
}

/** Attempts at one thing. */
export class Patience {
  private attempt = 0;

  constructor(
    private readonly pauses: Pauses,
    private readonly signal: AbortSignal,
  ) {}

  /** Attempts in a row in which nothing got further. */
  get tries(): number {
    return this.attempt;
  }

  /** It got further. */
  renew(): void {
    this.attempt = 0;
  }

  wait(least = 0): Promise<void> {
    const ceiling = Math.min(BASE_MS * 2 ** this.attempt, CAP_MS);
    this.attempt = Math.min(this.attempt + 1, 20);
    return this.pauses.wait(Math.max(least, Math.random() * ceiling), least > 0, this.signal);
  }
}

/** So many at a time; the others wait in the order in which they came. */
export class Slots {
  private readonly waiting: (() => void)[] = [];

  constructor(private free: number) {}

  get isFree(): boolean {
    return this.free > 0;
  }

  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.take(signal);
    try {
      return await work();
    } finally {
      this.free += 1;
      this.waiting.shift()?.();
    }
  }

  private take(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const begin = (): void => {
        signal.removeEventListener('abort', stop);
        this.free -= 1;
        resolve();
      };
      const stop = (): void => {
        this.waiting.splice(this.waiting.indexOf(begin), 1);
        reject(signal.reason);
      };
      if (this.free > 0) return begin();
      this.waiting.push(begin);
      signal.addEventListener('abort', stop);
    });
  }
}
