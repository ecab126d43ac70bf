import type { Failure, NewFile } from '../../core/api';
import { choose, isMediaFile, prepare, thumbnailShare, type Refusal } from '../../media/prepare';

export interface Chosen {
  id: number;
  file: File;
  isMedia: boolean;
  /** Of pictures and videos, to be looked at before they are sent. */
  url: string;
}

/** What was chosen and is not sent yet. Files are read one after the other, so that many large ones do not fill the memory. */
export class TrayFiles {
  chosen = $state.raw<Chosen[]>([]);
  refused = $state.raw<Refusal[]>([]);
  /** Byte for byte, as documents. */
  unchanged = $state(false);
  preparing = $state<{ done: number; count: number } | undefined>();
  /** Pictures that this browser cannot draw anew: they go as they are, if somebody says so. */
  undrawn = $state.raw<Chosen[]>([]);
  readonly #agreed = new Set<number>();
  readonly #made: ReadonlyMap<File, NewFile>;
  #last = 0;

  /** `made`: files that are ready as they are. */
  constructor(made: ReadonlyMap<File, NewFile> = new Map()) {
    this.#made = made;
  }

  readonly hasMedia = $derived(this.chosen.some((one) => one.isMedia));
  readonly bytes = $derived(this.chosen.reduce((sum, { file }) => sum + file.size, 0));

  add(files: readonly File[]): void {
    const { taken, refused } = choose(files, this.chosen.length);
    this.refused = refused;
    const more = taken.map((file): Chosen => {
      const isMedia = isMediaFile(file);
      return { id: (this.#last += 1), file, isMedia, url: isMedia ? URL.createObjectURL(file) : '' };
    });
    this.chosen = [...this.chosen, ...more];
  }

  remove(id: number): void {
    for (const one of this.chosen) if (one.id === id && one.url) URL.revokeObjectURL(one.url);
    this.chosen = this.chosen.filter((one) => one.id !== id);
    this.undrawn = this.undrawn.filter((one) => one.id !== id);
    this.refused = [];
  }

  /** Pictures that cannot be drawn anew go as they are. */
  agree(): void {
    for (const { id } of this.undrawn) this.#agreed.add(id);
    this.undrawn = [];
  }

  /** Makes of each what is sent; undefined: `undrawn` must be agreed to. Rejects with a failure if one cannot be read any more. */
  async prepared(): Promise<NewFile[] | undefined> {
    const { unchanged } = this;
    const share = thumbnailShare(this.chosen.filter((one) => one.isMedia).length);
    const made: NewFile[] = [];
    const undrawn: Chosen[] = [];
    this.undrawn = [];
    try {
      // What is dropped here meanwhile goes too.
      for (let done = 0; done < this.chosen.length; done += 1) {
        this.preparing = { done, count: this.chosen.length };
        const one = this.chosen[done] as Chosen;
        await readable(one.file);
        const asItIs = unchanged || this.#agreed.has(one.id);
        const ready = this.#made.get(one.file) ?? (await prepare(one.file, asItIs, share));
        if (ready) made.push(ready);
        else undrawn.push(one);
      }
    } finally {
      this.preparing = undefined;
    }
    this.undrawn = undrawn;
    return undrawn.length > 0 ? undefined : made;
  }

  end(): void {
    for (const { url } of this.chosen) if (url) URL.revokeObjectURL(url);
    this.chosen = [];
  }
}

async function readable(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw { code: 'changed', message: 'The file cannot be read any more.' } satisfies Failure;
  }
}
