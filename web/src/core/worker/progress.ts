/** How far a file has got, told not more often than anybody can see. */
import type { ChatId, CoreEvent, Failure } from '../api';

const TOLD_EVERY_MS = 100;

type State = (CoreEvent & { type: 'transfer' })['state'];

export class Teller {
  private now: State = 'running';
  private toldAt = 0;

  constructor(
    private readonly tell: (event: CoreEvent) => void,
    private readonly what: { id: string; chat: ChatId; way: 'up' | 'down'; total: number },
  ) {}

  state(state: State, sent: number, failure?: Failure): void {
    this.now = state;
    this.toldAt = Date.now();
    this.tell({ type: 'transfer', ...this.what, sent, state, ...(failure ? { failure } : {}) });
  }

  progress(sent: number): void {
    if (Date.now() - this.toldAt >= TOLD_EVERY_MS) this.state(this.now, sent);
  }
}
