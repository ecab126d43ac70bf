/** Files of messages, out and in. */
import type { ChatId, CoreEvent, Failure, NewFile, Place, Transfer } from '../api';
import { Cache } from './cached';
import type { Commands } from './commands';
import { Downloads } from './download';
import type { Driver } from './driver';
import type { Pieces } from './pieces';
import type { Rest } from './rest';
import { Uploads, type Words } from './uploads';

export class Files {
  private readonly uploads: Uploads;
  private readonly downloads: Downloads;

  constructor(
    parts: { driver: Driver; rest: Rest; commands: Commands },
    private readonly pieces: Pieces,
    tell: (event: CoreEvent) => void,
  ) {
    const cache = new Cache(parts.driver, pieces);
    this.uploads = new Uploads({ ...parts, pieces, cache }, tell);
    this.downloads = new Downloads({ ...parts, pieces, cache }, tell);
    // What was half here when the worker ended. Nothing else writes yet.
    this.swept = this.pieces.keepOnly(new Set([...cache.names, ...this.uploads.names])).catch((error: unknown) => {
      console.warn('old files were not removed', error);
    });
  }

  private readonly swept: Promise<void>;

  /** Somebody is here. */
  start(): void {
    this.uploads.start();
  }

  stop(): void {
    const failure: Failure = { code: 'stopped', message: 'The app has stopped here.' };
    this.uploads.stop(failure);
    this.downloads.stop(failure);
  }

  /** There is a connection again. */
  online(): void {
    this.uploads.wake();
    this.downloads.wake();
  }

  async send(chat: ChatId, files: NewFile[], words: Words): Promise<string> {
    await this.swept;
    return this.uploads.send(chat, files, words);
  }

  list(chat?: ChatId): Transfer[] {
    return this.uploads.list(chat);
  }

  async cancel(id: string): Promise<void> {
    if (!(await this.uploads.cancel(id))) this.downloads.cancel(id);
  }

  retry(id: string): Promise<void> {
    return this.uploads.retry(id);
  }

  async open(chat: ChatId, place: Place, attachment: string): Promise<Blob> {
    await this.swept;
    return this.downloads.open(chat, place, attachment);
  }
}
