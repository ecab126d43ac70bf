const HOLD_MS = 450;
const STILL_PX = 10;

/** A finger that rests opens the menu. Android says so by itself (contextmenu), iOS does not. */
export function longPress(open: (x: number, y: number) => void) {
  return (node: HTMLElement) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let start = { x: 0, y: 0 };
    const stop = () => clearTimeout(timer);
    const down = (event: PointerEvent) => {
      if (event.pointerType !== 'touch') return;
      start = { x: event.clientX, y: event.clientY };
      timer = setTimeout(() => open(start.x, start.y), HOLD_MS);
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
