import type { Message, Preview } from '../core/api';
import { t } from '../i18n/index.svelte';
import { plainText } from '../text/rich';

/** One line for what was said. */
export function previewLine(preview: Preview): string {
  switch (preview.kind) {
    case 'text':
      return plainText(preview.text.slice(0, 300)).replace(/\s+/g, ' ');
    case 'files':
      return preview.count === 1 ? preview.name || t('preview.file') : t('preview.files', { count: preview.count });
    case 'deleted':
      return t('message.deleted');
    case 'unreadable':
      return t('message.unreadable');
    case 'notHere':
      return t('message.notHere');
  }
}

/** One line for a message. */
export function previewText(message: Message): string {
  const { body } = message;
  switch (body.kind) {
    case 'text':
      return plainText(body.text.slice(0, 300)).replace(/\s+/g, ' ');
    case 'files':
      return body.caption || previewLine({ kind: 'files', count: body.files.length, name: body.files[0]?.name ?? '' });
    case 'deleted':
      return t('message.deleted');
    case 'expired':
      return t('message.expired');
    case 'stub':
    case 'unknown':
      return t('message.unreadable');
  }
}
