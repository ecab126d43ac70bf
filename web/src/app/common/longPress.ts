const HOLD_MS = 450;
const STILL_PX = 10;
/** A click that a finger makes comes so soon after it went up. */
const CLICK_MS = 100;

let rest: Promise<void> | undefined;
/** Where a finger that opened something still lies there: until it is up, and what the browser makes of that is over. */
export const resting = () => rest;

/** The finger that goes up is no click on what lies below it; the next one that comes is. */
function begin() {
  const swallow = (event: Event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  rest = new Promise((over) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const up = () => (timer = setTimeout(end, CLICK_MS));
    const events = { click: swallow, pointerup: up, pointercancel: up, pointerdown: end };
    function end() {
      clearTimeout(timer);
      for (const [name, listener] of Object.entries(events)) removeEventListener(name, listener, true);
      rest = undefined;
      over();
    }
    for (const [name, listener] of Object.entries(events)) addEventListener(name, listener, true);
  });
}

/** A finger that rests opens the menu. Android says so by itself (contextmenu), iOS does not. */
export function longPress(open: (x: number, y: number) => void) {
  return (node: HTMLElement) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let start = { x: 0, y: 0 };
    const stop = () => clearTimeout(timer);
    const down = (event: PointerEvent) => {
      if (event.pointerType !== 'touch') return;
      start = { x: event.clientX, y: event.clientY };
      timer = setTimeout(() => {
        begin();
        open(start.x, start.y);
      }, HOLD_MS);
    };
    const move = (event: PointerEvent) => {
      if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > STILL_PX) stop();
    };
    const events = { pointerdown: down, pointermove: move, pointerup: stop, pointercancel: stop, contextmenu: stop };
    for (const [name, listener] of Object.entries(events)) node.addEventListener(name, listener as EventListener);
    return () => {
      stop();
      for (const [name, listener] of Object.entries(events)) node.removeEventListener(name, listener as EventListener);
    };
  };
}
