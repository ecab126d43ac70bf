/** The sums behind the two lists: which rows of equal height are on the screen, and what keeps its place in the other. */

export interface Span {
  first: number;
  /** One past the last. */
  end: number;
}

/** Rows to draw of `count` rows of `height`, with `spare` more on each side so that a fast finger sees no gap. */
export function visible(count: number, height: number, top: number, view: number, spare: number): Span {
  if (height <= 0 || count <= 0) return { first: 0, end: 0 };
  const first = Math.min(count, Math.max(0, Math.floor(top / height) - spare));
  const end = Math.min(count, Math.max(first, Math.ceil((Math.max(0, top) + view) / height) + spare));
  return { first, end };
}

/** Where to scroll so that row `index` is fully on the screen; undefined if it is. */
export function reveal(index: number, height: number, top: number, view: number): number | undefined {
  const start = index * height;
  if (start < top) return start;
  if (start + height > top + view) return start + height - view;
  return undefined;
}

/** Keep at most `max` of a list, dropping at the end that lies away from where the reader goes. */
export function trim<T>(items: readonly T[], max: number, keep: 'start' | 'end'): T[] {
  if (items.length <= max) return [...items];
  return keep === 'start' ? items.slice(0, max) : items.slice(items.length - max);
}

/** The index of the first of `count` rows whose lower edge is below `line`; rows stand in order. */
export function firstBelow(count: number, bottomOf: (index: number) => number, line: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bottomOf(middle) > line) high = middle;
    else low = middle + 1;
  }
  return low;
}
