const KEY = 'dunlin.emoji';
const RECENT_MAX = 16;

/** The emoji used last on this browser, the latest first. */
export function recent(): string[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter((emoji) => typeof emoji === 'string').slice(0, RECENT_MAX) : [];
  } catch {
    return [];
  }
}

export function remember(emoji: string): void {
  try {
    localStorage.setItem(
      KEY,
      JSON.stringify([emoji, ...recent().filter((other) => other !== emoji)].slice(0, RECENT_MAX)),
    );
  } catch {
    // A browser that keeps nothing still picks.
  }
}
