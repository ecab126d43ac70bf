import type { Message, Preview } from '../core/api';
import { t, type Key } from '../i18n/index.svelte';
import { shownName } from '../media/names';
import { plainText } from '../text/rich';

/** What this app calls the files of voice messages. */
export const VOICE_NAME = 'voice-message.ogg';
const KINDS: [RegExp, Key][] = [
  [/^voice-message\.ogg$/, 'preview.voice'],
  [/\.(?:jpe?g|png|webp|gif|avif|heic)$/i, 'preview.picture'],
  [/\.(?:mp4|webm|mov|m4v)$/i, 'preview.video'],
];

/** Of one file only its name is known here; what it is tells more than what a camera called it. */
function fileLine(name: string): string {
  const key = KINDS.find(([ending]) => ending.test(name))?.[1];
  return key ? t(key) : shownName(name) || t('preview.file');
}

/** One line for what was said. */
export function previewLine(preview: Preview): string {
  switch (preview.kind) {
    case 'text':
      return plainText(preview.text.slice(0, 300)).replace(/\s+/g, ' ');
    case 'files':
      return preview.count === 1 ? fileLine(preview.name) : t('preview.files', { count: preview.count });
    case 'deleted':
      return t('message.deleted');
    case 'unreadable':
      return t('message.unreadable');
    case 'notHere':
      return t('message.notHere');
  }
}

/** What is shown of a message where another one answers it. */
export function previewOf({ body }: Message): Preview {
  switch (body.kind) {
    case 'text':
      return { kind: 'text', text: body.text };
    case 'files':
      if (body.caption) return { kind: 'text', text: body.caption };
      return { kind: 'files', count: body.files.length, name: body.files[0]?.name ?? '' };
    case 'deleted':
      return { kind: 'deleted' };
    case 'expired':
      return { kind: 'notHere' };
    case 'stub':
    case 'unknown':
      return { kind: 'unreadable' };
  }
}

/** One line for a message. */
export function previewText(message: Message): string {
  const { body } = message;
  switch (body.kind) {
    case 'text':
      return plainText(body.text.slice(0, 300)).replace(/\s+/g, ' ');
    case 'files':
      return (
        plainText(body.caption.slice(0, 300)).replace(/\s+/g, ' ') ||
        previewLine({ kind: 'files', count: body.files.length, name: body.files[0]?.name ?? '' })
      );
    case 'deleted':
      return t('message.deleted');
    case 'expired':
      return t('message.expired');
    case 'stub':
    case 'unknown':
      return t('message.unreadable');
  }
}
