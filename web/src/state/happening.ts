import type { Line } from '../core/api';
import { locale, t } from '../i18n/index.svelte';
import { duration, plainName } from '../text/format';

/** A sentence for a line between messages. `name` gives the name of a user who does something, `object` that of one to whom it is done. */
export function happeningText(line: Line, name: (user: string) => string, object = name): string {
  const { what } = line;
  const who = line.sender ? name(line.sender.user) : t('event.somebody');
  const list = (users: readonly string[]) => new Intl.ListFormat(locale()).format(users.map(object));
  switch (what.kind) {
    case 'added':
    case 'removed':
    case 'banned':
    case 'unbanned':
      return t(`event.${what.kind}`, { who, whom: list(what.users) });
    case 'created':
    case 'deletedChat':
    case 'joined':
    case 'left':
    case 'picture':
    case 'restored':
      return t(`event.${what.kind}`, { who });
    case 'role':
      return t('event.role', { who, whom: object(what.user), role: t(`role.${what.role}`) });
    case 'title':
    case 'description':
      return t(`event.${what.kind}`, { who, text: plainName(what.text) });
    case 'timer':
      return what.seconds > 0
        ? t('event.timerOn', { who, time: duration(what.seconds, locale()) })
        : t('event.timerOff', { who });
    case 'invite':
      return what.on ? t('event.inviteOn', { who }) : t('event.inviteOff', { who });
    case 'keys':
      return t(`event.keys.${what.what}`, { who });
    case 'identityChanged':
      return t(what.wasVerified ? 'event.identityVerified' : 'event.identity', { whom: name(what.user) });
    case 'gap':
      return t('event.gap', { whom: name(what.sender.user), count: what.missing });
    case 'missing':
      return t('event.missing', { count: what.to - what.from + 1 });
    case 'commitFailed':
      return t('event.commitFailed', { whom: name(what.author.user) });
    case 'distrusted':
      return t('event.distrusted', { why: t(`distrust.${what.why}`) });
  }
}
