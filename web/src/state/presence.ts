import type { Presence } from '../core/api';
import { t } from '../i18n/index.svelte';
import { clock, dayName, dayOf } from '../text/format';

const MINUTE_MS = 60_000;

/** "online", "last seen today at 10:12", or nothing when it is not known. */
export function presenceText(presence: Presence | undefined, now: number, language: string): string {
  if (!presence) return '';
  if (presence.online) return t('presence.online');
  if (presence.lastSeen === undefined) return '';
  if (now - presence.lastSeen < 2 * MINUTE_MS) return t('presence.justNow');
  const time = clock(presence.lastSeen, language);
  const days = dayOf(now) - dayOf(presence.lastSeen);
  if (days <= 0) return t('presence.today', { time });
  if (days === 1) return t('presence.yesterday', { time });
  return t('presence.day', { day: dayName(presence.lastSeen, now, language) });
}
