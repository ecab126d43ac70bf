import type { Key } from '../../i18n/index.svelte';

/** Every shortcut of the app, as Ctrl+/ lists them and docs/web.md does. */
export const SHORTCUTS: { keys: string[]; what: Key }[] = [
  { keys: ['Ctrl', 'K'], what: 'shortcuts.switcher' },
  { keys: ['Alt', '↑'], what: 'shortcuts.previous' },
  { keys: ['Alt', '↓'], what: 'shortcuts.next' },
  { keys: ['Ctrl', '/'], what: 'shortcuts.list' },
  { keys: ['Esc'], what: 'shortcuts.close' },
  { keys: ['Enter'], what: 'shortcuts.send' },
  { keys: ['Shift', 'Enter'], what: 'shortcuts.line' },
  { keys: ['↑'], what: 'shortcuts.edit' },
  { keys: ['@'], what: 'shortcuts.mention' },
  { keys: ['↑', '↓'], what: 'shortcuts.walk' },
  { keys: ['Enter'], what: 'shortcuts.menu' },
  { keys: ['←', '→'], what: 'shortcuts.within' },
  { keys: ['←', '→'], what: 'shortcuts.turn' },
  { keys: ['+', '-'], what: 'shortcuts.zoom' },
];
