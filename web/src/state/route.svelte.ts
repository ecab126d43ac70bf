/** Where the reader is, kept in the address after `#`, so that back, reload and links work as everywhere. */
import type { ChatId, Seq } from '../core/api';

export type SettingsPage = 'main' | 'profile' | 'privacy' | 'devices' | 'link' | 'storage' | 'look' | 'notifications';
const SETTINGS: readonly string[] = ['profile', 'privacy', 'devices', 'link', 'storage', 'look', 'notifications'];

export interface Route {
  /** What the first pane shows. */
  side: 'chats' | 'archive' | 'new' | 'group' | SettingsPage;
  chat?: ChatId;
  /** The third pane: about the chat. */
  details: boolean;
  /** In it: all pictures and files of the chat. */
  gallery?: boolean;
  /** A message to show. */
  at?: Seq;
  /** An invite link that was opened. */
  invite?: string;
}

export function read(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [first, second, third, fourth] = path.split('/').map(decode);
  if (first === 'chat' && second) {
    const at = Number(new URLSearchParams(query).get('at') ?? NaN);
    const details = third === 'details';
    const more = {
      ...(Number.isSafeInteger(at) ? { at } : {}),
      ...(details && fourth === 'media' ? { gallery: true } : {}),
    };
    return { side: 'chats', chat: second, details, ...more };
  }
  if (first === 'join' && second) return { side: 'chats', details: false, invite: second };
  if (first === 'archive' || first === 'new' || first === 'group') return { side: first, details: false };
  if (first === 'settings') {
    return { side: second && SETTINGS.includes(second) ? (second as SettingsPage) : 'main', details: false };
  }
  return { side: 'chats', details: false };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return '';
  }
}

export const to = {
  chats: () => '#/',
  chat: (chat: ChatId, at?: Seq) => `#/chat/${encodeURIComponent(chat)}${at === undefined ? '' : `?at=${at}`}`,
  details: (chat: ChatId) => `#/chat/${encodeURIComponent(chat)}/details`,
  gallery: (chat: ChatId) => `#/chat/${encodeURIComponent(chat)}/details/media`,
  side: (side: 'archive' | 'new' | 'group') => `#/${side}`,
  settings: (page: SettingsPage = 'main') => (page === 'main' ? '#/settings' : `#/settings/${page}`),
};

/** Follows the address. One for the page. */
export class Router {
  current = $state.raw<Route>(read(''));
  /** The chat stays open beside the settings on a wide screen. */
  lastChat = $state.raw<ChatId | undefined>();

  start(): () => void {
    const follow = () => {
      this.current = read(location.hash);
      if (this.current.chat) this.lastChat = this.current.chat;
    };
    follow();
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }

  go(hash: string): void {
    location.hash = hash;
  }

  /** Without a step in the history: after an `at` was shown, or when a chat is gone. */
  replace(hash: string): void {
    history.replaceState(null, '', hash);
    dispatchEvent(new HashChangeEvent('hashchange'));
  }
}
