import { firstBelow } from '../../text/list';

/** Nearer than this to the end, in pixels, counts as at the end: what comes is followed. */
const END_PX = 48;

/**
 * Keeps what the reader looks at in its place while rows above it come, go or grow. It remembers the first row on the
 * screen by its key, not by a number of pixels; or that the reader is at the end.
 */
export class Anchor {
  readonly #scroller: HTMLElement;
  #held: { key: string; offset: number } | 'end' = 'end';
  /** Where the end was when it was shown, as `scrollTop` counts. */
  #end = 0;

  constructor(scroller: HTMLElement) {
    this.#scroller = scroller;
  }

  get isAtEnd(): boolean {
    return this.#held === 'end';
  }

  get view(): number {
    return this.#scroller.clientHeight;
  }

  distances(): { above: number; below: number } {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return { above: scrollTop, below: scrollHeight - scrollTop - clientHeight };
  }

  /** After the reader scrolled. `endIsHere`: the newest messages are loaded. */
  remember(endIsHere: boolean): void {
    const { above, below } = this.distances();
    const end = above + below;
    // Rows that came below since then, or a view that shrank, the reader did not scroll away from.
    const moved = this.#held === 'end' ? Math.max(0, end - this.#end) : 0;
    if (endIsHere && below - moved < END_PX) {
      if (this.#held !== 'end') this.#end = end;
      this.#held = 'end';
      return;
    }
    const top = this.#scroller.scrollTop;
    const rows = this.#rows();
    // Rows for days come and go with the pages, so they hold nothing.
    for (let index = this.#firstAfter(rows, top); index < rows.length; index += 1) {
      const row = rows[index];
      const key = row?.dataset['key'];
      if (!row || !key || key.startsWith('d')) continue;
      this.#held = { key, offset: row.offsetTop - top };
      return;
    }
  }

  /** After the rows changed. */
  restore(): void {
    if (this.#held === 'end') return this.toEnd();
    const row = this.find(this.#held.key);
    if (!row) return;
    const top = row.offsetTop - this.#held.offset;
    // Setting what is there already would stop a finger's momentum.
    if (Math.abs(top - this.#scroller.scrollTop) >= 1) this.#scroller.scrollTop = top;
  }

  toEnd(): void {
    this.#held = 'end';
    const { scrollHeight, clientHeight } = this.#scroller;
    this.#end = scrollHeight - clientHeight;
    this.#scroller.scrollTop = scrollHeight;
  }

  /** Puts a row at a share of the height; false if there is none. */
  show(key: string, share: number): boolean {
    const row = this.find(key);
    if (!row) return false;
    const offset = this.view * share;
    this.#scroller.scrollTop = row.offsetTop - offset;
    this.#held = { key, offset: row.offsetTop - this.#scroller.scrollTop };
    return true;
  }

  /** The key of the last row whose end is on the screen. */
  lastVisible(): string | undefined {
    const rows = this.#rows();
    const line = this.#scroller.scrollTop + this.view + 4;
    return rows[Math.max(0, this.#firstAfter(rows, line) - 1)]?.dataset['key'];
  }

  find(key: string): HTMLElement | null {
    return this.#scroller.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  }

  #rows(): HTMLElement[] {
    return [...(this.#scroller.firstElementChild?.children ?? [])] as HTMLElement[];
  }

  #firstAfter(rows: HTMLElement[], line: number): number {
    const bottomOf = (index: number) => {
      const row = rows[index];
      return row ? row.offsetTop + row.offsetHeight : Infinity;
    };
    return firstBelow(rows.length, bottomOf, line);
  }
}
