import type { Attachment, ChatId, Failure, Place } from '../core/api';
import type { Files } from './files';

/** What an opening is of. A message that changes in other ways, as one that was seen does, is given anew with the same files. */
export function openingKey(chat: ChatId, place: Place, { id, name, mediaType, bytes }: Attachment): string {
  return JSON.stringify([chat, place, id, name, mediaType, bytes]);
}

/** One file that a component shows: asked for when it is wanted, with an object URL that lives as long as the component. */
export class Opening {
  readonly #files: Files;
  readonly #ask: [ChatId, Place, Attachment];
  #ended = false;

  state = $state.raw<'idle' | 'loading' | 'here' | 'failed'>('idle');
  url = $state.raw('');
  blob = $state.raw<Blob | undefined>();
  failure = $state.raw<Failure | undefined>();

  constructor(files: Files, chat: ChatId, place: Place, file: Attachment, isOwn: boolean) {
    this.#files = files;
    this.#ask = [chat, place, file];
    const held = files.held(file, isOwn);
    if (held) this.#show(held);
  }

  /** The file, or undefined when it could not be had; `failure` says why. */
  async load(): Promise<Blob | undefined> {
    if (this.blob || this.#ended) return this.blob;
    this.state = 'loading';
    this.failure = undefined;
    try {
      const blob = await this.#files.open(...this.#ask, () => !this.#ended);
      if (!this.#ended) this.#show(blob);
      return blob;
    } catch (failure) {
      const known = failure as Failure;
      this.state = known.code === 'cancelled' ? 'idle' : 'failed';
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
    this.#ended = true;
    if (this.url) URL.revokeObjectURL(this.url);
    this.url = '';
  }

  #show(blob: Blob): void {
    this.blob = blob;
    this.url ||= URL.createObjectURL(blob);
    this.state = 'here';
  }
}
