import type { Attachment, ChatId, Failure, Place } from '../core/api';
import type { Files } from './files';

/**
 * One file that a component shows: asked for when it is wanted, with an object URL that lives as long as the component. 'stopped':
 * somebody said so, and it is not asked for by itself.
 */
export class Opening {
  readonly #files: Files;
  readonly #ask: [ChatId, Place, Attachment];
  /** Nobody waits for it any more. */
  readonly #left = new AbortController();

  state = $state.raw<'idle' | 'loading' | 'here' | 'failed' | 'stopped'>('idle');
  url = $state.raw('');
  blob = $state.raw<Blob | undefined>();
  failure = $state.raw<Failure | undefined>();

  constructor(files: Files, chat: ChatId, place: Place, file: Attachment, isOwn: boolean) {
    this.#files = files;
    this.#ask = [chat, place, file];
    const held = files.held(file, isOwn);
    if (held) this.#show(held);
  }

  /** Whether another attempt may end otherwise. */
  get canTryAgain(): boolean {
    if (this.state !== 'failed') return this.state === 'stopped';
    return this.failure?.code !== 'unshown' && this.failure?.code !== 'gone';
  }

  /** The file, or undefined when it could not be had; `failure` says why. `toTheEnd`: also when it is not shown any more. */
  async load(toTheEnd = false): Promise<Blob | undefined> {
    const { signal } = this.#left;
    if (this.blob || signal.aborted) return this.blob;
    this.state = 'loading';
    this.failure = undefined;
    try {
      const blob = await this.#files.open(...this.#ask, ...(toTheEnd ? [] : [signal]));
      if (!signal.aborted) this.#show(blob);
      return blob;
    } catch (failure) {
      const known = failure as Failure;
      this.state = known.code === 'cancelled' ? 'stopped' : 'failed';
      if (known.code !== 'cancelled') this.failure = known;
      return undefined;
    }
  }

  /** The bytes are not what they are said to be. */
  broken(): void {
    URL.revokeObjectURL(this.url);
    this.url = '';
    this.state = 'failed';
    this.failure = { code: 'unshown', message: 'The browser cannot show it.' };
  }

  end(): void {
    this.#left.abort();
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = '';
  }

  #show(blob: Blob): void {
    this.blob = blob;
    this.url ||= URL.createObjectURL(blob);
    this.state = 'here';
  }
}
