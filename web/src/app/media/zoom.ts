/** A picture under fingers: how far it is enlarged and moved, and what a gesture was meant for. */
export const SCALE_MAX = 6;
const STEP = 1.5;
const SWIPE_PX = 56;
const CLOSE_PX = 110;
const TAP_PX = 8;
const DOUBLE_MS = 320;

export interface View {
  scale: number;
  x: number;
  y: number;
}
export const WHOLE: View = { scale: 1, x: 0, y: 0 };
export type Gesture = 'left' | 'right' | 'down' | 'double' | undefined;

interface Point {
  x: number;
  y: number;
}

/** Enlarged about a point, given from the middle, so that what lies there stays there. */
export function scaled(view: View, factor: number, about: Point, size: { width: number; height: number }): View {
  const scale = Math.max(1, Math.min(SCALE_MAX, view.scale * factor));
  const grown = scale / view.scale;
  return kept({ scale, x: about.x - (about.x - view.x) * grown, y: about.y - (about.y - view.y) * grown }, size);
}

/** Never moved so far that its edge comes into the middle. */
export function kept(view: View, size: { width: number; height: number }): View {
  const most = (length: number) => ((view.scale - 1) * length) / 2;
  const within = (value: number, limit: number) => Math.max(-limit, Math.min(limit, value));
  return { scale: view.scale, x: within(view.x, most(size.width)), y: within(view.y, most(size.height)) };
}

export function stepped(view: View, isIn: boolean, size: { width: number; height: number }): View {
  return scaled(view, isIn ? STEP : 1 / STEP, { x: 0, y: 0 }, size);
}

/** Follows one finger or two, or a mouse that is held down. */
export class Fingers {
  readonly #down = new Map<number, Point>();
  #start: Point | undefined;
  #wasTwo = false;
  #tapped = -Infinity;

  press(id: number, at: Point): void {
    this.#down.set(id, at);
    if (this.#down.size === 1) this.#start = at;
    else this.#wasTwo = true;
  }

  /** The view after a finger has moved. */
  move(id: number, to: Point, view: View, middle: Point, size: { width: number; height: number }): View {
    const from = this.#down.get(id);
    if (!from) return view;
    this.#down.set(id, to);
    const other = [...this.#down].find(([finger]) => finger !== id)?.[1];
    if (!other) {
      if (view.scale <= 1) return view;
      return kept({ ...view, x: view.x + to.x - from.x, y: view.y + to.y - from.y }, size);
    }
    const distance = (a: Point, b: Point) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
    const about = { x: (to.x + other.x) / 2 - middle.x, y: (to.y + other.y) / 2 - middle.y };
    return scaled(view, distance(to, other) / distance(from, other), about, size);
  }

  /** What it was, once the last finger is up. */
  lift(id: number, at: Point, now: number, scale: number): Gesture {
    this.#down.delete(id);
    if (this.#down.size > 0) return undefined;
    const wasTwo = this.#wasTwo;
    const start = this.#start;
    this.#wasTwo = false;
    this.#start = undefined;
    if (!start || wasTwo) return undefined;
    const [x, y] = [at.x - start.x, at.y - start.y];
    if (Math.hypot(x, y) < TAP_PX) {
      const isDouble = now - this.#tapped < DOUBLE_MS;
      this.#tapped = isDouble ? -Infinity : now;
      return isDouble ? 'double' : undefined;
    }
    if (scale > 1) return undefined;
    if (Math.abs(x) > SWIPE_PX && Math.abs(x) > 1.5 * Math.abs(y)) return x < 0 ? 'left' : 'right';
    return y > CLOSE_PX && y > 1.5 * Math.abs(x) ? 'down' : undefined;
  }

  drop(id: number): void {
    this.#down.delete(id);
    if (this.#down.size === 0) this.#start = undefined;
  }
}
