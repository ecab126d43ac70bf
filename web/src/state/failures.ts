import type { Failure } from '../core/api';
import { t, type Key } from '../i18n/index.svelte';

/** The stable codes of docs/protocol.md and of the core, with the sentence for each. Their own words are English. */
const FAILURES: Record<string, Key> = {
  // Of the core and of the page.
  offline: 'failure.offline',
  storage: 'failure.storage',
  stopped: 'failure.stopped',
  otherTab: 'blocked.otherTab',
  unlinked: 'failure.unlinked',
  busy: 'failure.busy',
  refused: 'failure.linkRefused',
  interrupted: 'failure.interrupted',
  changed: 'failure.changed',
  tampered: 'failure.tampered',
  gone: 'failure.gone',
  noSuchFile: 'failure.gone',
  unshown: 'failure.unshown',
  noPicture: 'failure.noPicture',
  // Of the server.
  malformed: 'failure.invalid',
  invalidArgument: 'failure.invalid',
  tooLarge: 'failure.tooLarge',
  limitReached: 'failure.limit',
  tooFast: 'failure.slow',
  unauthenticated: 'failure.unauthenticated',
  deviceRevoked: 'failure.unauthenticated',
  wrongCode: 'failure.code',
  forbidden: 'failure.forbidden',
  notFound: 'failure.notFound',
  notAMember: 'failure.notAMember',
  banned: 'failure.banned',
  blocked: 'failure.blocked',
  chatDeleted: 'failure.chatDeleted',
  alreadyExists: 'failure.exists',
  conflict: 'failure.conflict',
  tooOld: 'failure.keys',
  staleEpoch: 'failure.keys',
  notInGroup: 'failure.keys',
  removalWaits: 'failure.keys',
  invalidHandshake: 'failure.keys',
  notAttested: 'failure.keys',
  wrongEncryption: 'failure.notEncrypted',
  invalidAttachment: 'failure.attachment',
  invalidInvite: 'failure.invite',
  unavailable: 'failure.unavailable',
  draining: 'failure.unavailable',
  internal: 'failure.unavailable',
};

/** What is said otherwise when it is about a file. */
const OF_FILES: Record<string, Key> = {
  offline: 'failure.fileOffline',
  tooLarge: 'failure.fileTooLarge',
  limitReached: 'failure.fileLimit',
  notFound: 'failure.gone',
};

/** Codes that a release before this app's did not have are shown: they can be looked up. */
export function failureText(failure: unknown, about?: 'file'): string {
  const { code } = (typeof failure === 'object' && failure ? failure : {}) as Partial<Failure>;
  if (typeof code !== 'string' || code === '') return t('failure.unknown');
  const known = (keys: Record<string, Key>) => (Object.hasOwn(keys, code) ? keys[code] : undefined);
  const key = (about === 'file' ? known(OF_FILES) : undefined) ?? known(FAILURES);
  return key ? t(key) : t('failure.other', { code });
}

/** The codes that have a sentence. */
export const KNOWN_CODES: readonly string[] = Object.keys(FAILURES);
