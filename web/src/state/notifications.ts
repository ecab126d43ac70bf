import type { ChatId } from '../core/api';
import { t } from '../i18n/index.svelte';
import type { Preferences } from './preferences.svelte';

export function canNotify(): boolean {
  return typeof Notification === 'function';
}

/** Asks the browser; called on a click and never else. True if it allows. */
export async function allowNotifications(): Promise<boolean> {
  return canNotify() && (await Notification.requestPermission()) === 'granted';
}

/** Shows one notification per chat; a newer one takes the place of the older. */
export function notify(preferences: Preferences, chat: ChatId, title: string, text: string): void {
  if (!preferences.notifications || !canNotify() || Notification.permission !== 'granted') return;
  const options = {
    body: preferences.showTexts ? text : t('notification.hidden'),
    tag: chat,
    icon: '/icons/icon-192.png',
    data: { chat },
  };
  // Android knows notifications of service workers alone.
  void navigator.serviceWorker?.getRegistration().then((registration) => {
    if (registration?.active) return registration.showNotification(title, options);
    const shown = new Notification(title, options);
    shown.onclick = () => {
      focus();
      location.hash = `#/chat/${encodeURIComponent(chat)}`;
      shown.close();
    };
    return undefined;
  });
}

/** Takes away those that are shown. */
export async function takeBack(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const shown of (await registration?.getNotifications()) ?? []) shown.close();
}
