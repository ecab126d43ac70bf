/** Sealed files that stay here after they were sent or opened, so that they open again without the server: the last ones, up to a limit. */
import type { Core } from '../wasm/dunlin';
import type { Driver } from './driver';
import { readKept } from './people';
import type { Pieces } from './pieces';

/** Bytes of all of them, and their share of what the browser grants. */
const CACHED_BYTES_MAX = 256 * 1024 * 1024;
const CACHED_SHARE_MAX = 0.2;
/** Bytes of one. */
export const CACHED_FILE_BYTES_MAX = 64 * 1024 * 1024;
const CACHED_FILES_MAX = 500;

const ROW = 'files';

export interface Cached {
  /** The attachment. */
  id: string;
  /** What its pieces are stored under. */
  name: string;
  /** Sealed. */
  bytes: number;
  pieces: number;
}

export class Cache {
  /** Those that were used last at the end. */
  private files: Cached[];
  private most = CACHED_BYTES_MAX;

  constructor(
    driver: Driver,
    private readonly pieces: Pieces,
  ) {
    this.files = readKept<Cached[]>(driver, ROW) ?? [];
    void navigator.storage.estimate().then(({ quota }) => {
      if (quota !== undefined) this.most = Math.min(CACHED_BYTES_MAX, quota * CACHED_SHARE_MAX);
    });
  }

  get names(): string[] {
    return this.files.map(({ name }) => name);
  }

  /** Counts as a use. That alone is not stored at once. */
  find(id: string): Cached | undefined {
    const found = this.files.find((file) => file.id === id);
    if (found) this.files = [...this.files.filter((file) => file !== found), found];
    return found;
  }

  takes(bytes: number): boolean {
    return bytes <= Math.min(CACHED_FILE_BYTES_MAX, this.most);
  }

  /** In a step of the core, so that it is stored with what else that changes. What has no room any more goes after `done`. */
  add(core: Core, files: Cached[]): { done: () => void } {
    const ids = new Set(files.map(({ id }) => id));
    const all = [...this.files.filter(({ id }) => !ids.has(id)), ...files.filter(({ bytes }) => this.takes(bytes))];
    let bytes = all.reduce((sum, file) => sum + file.bytes, 0);
    while (all.length > CACHED_FILES_MAX || bytes > this.most) bytes -= all.shift()?.bytes ?? 0;
    const gone = [...this.files, ...files].filter((file) => !all.includes(file));
    this.files = all;
    this.keep(core);
    return { done: () => gone.forEach(({ name }) => this.removePieces(name)) };
  }

  /** The list is stored with the next change: until then it may name what is gone, which is noticed. */
  async remove(gone: Cached[] = this.files): Promise<void> {
    this.files = this.files.filter((file) => !gone.includes(file));
    for (const { name } of gone) await this.pieces.remove(name);
  }

  private keep(core: Core): void {
    core.keep(ROW, new TextEncoder().encode(JSON.stringify(this.files)));
  }

  private removePieces(name: string): void {
    // What stays is removed when the app begins the next time.
    void this.pieces.remove(name).catch((error: unknown) => console.warn('a file was not removed', error));
  }
}
