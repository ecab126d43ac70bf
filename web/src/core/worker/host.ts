/** The worker's ports: answers calls, and tells every tab what happens. */
import type { CoreEvent } from '../api';
import { failureOf, type ToTab, type ToWorker } from '../messages';
import { App } from './app';

export interface TabPort {
  postMessage(message: ToTab): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

export class Host {
  private readonly ports = new Set<TabPort>();
  private readonly lock = `dunlin-worker-${crypto.randomUUID()}`;
  private readonly app = new App((event) => this.tell(event));
  private readonly holds: Promise<void>;
  private readonly untold: CoreEvent[] = [];

  constructor() {
    // Tabs see by this lock when the worker is gone.
    this.holds = new Promise((held) => {
      void navigator.locks.request(this.lock, () => {
        held();
        return new Promise<void>(() => {});
      });
    });
    void this.app.start();
  }

  join(port: TabPort): void {
    port.onmessage = ({ data }) => void this.take(port, data);
  }

  private async take(port: TabPort, message: ToWorker): Promise<void> {
    switch (message.type) {
      case 'hello':
        await this.holds;
        this.pass();
        this.ports.add(port);
        port.postMessage({ type: 'hello', lock: this.lock });
        // A tab whose last worker died knows neither, and asks for neither again.
        port.postMessage({
          type: 'events',
          events: [
            { type: 'session', session: this.app.session },
            { type: 'connection', connection: this.app.connection() },
          ],
        });
        void this.app.visited();
        // Granted when the tab is gone.
        void navigator.locks.request(message.lock, () => this.leave(port));
        return;
      case 'bye':
        this.leave(port);
        return;
      case 'call':
        try {
          const value = await this.app.call(message.call, message.arguments);
          this.pass();
          port.postMessage({ type: 'answer', id: message.id, value });
        } catch (error) {
          this.pass();
          port.postMessage({ type: 'failure', id: message.id, failure: failureOf(error) });
        }
    }
  }

  private leave(port: TabPort): void {
    this.ports.delete(port);
    port.onmessage = null;
  }

  private tell(event: CoreEvent): void {
    if (this.untold.push(event) === 1) queueMicrotask(() => this.pass());
  }

  private pass(): void {
    const events = this.untold.splice(0);
    if (events.length === 0) return;
    for (const port of this.ports) port.postMessage({ type: 'events', events });
  }
}
