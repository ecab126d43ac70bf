import type { ChatSummary } from '../../core/api';

/** Lower case and without accents, so that "jorg" finds Jörg. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}

/** Chats whose title has every word, the ones that begin with the text first. */
export function matching(chats: readonly ChatSummary[], text: string): ChatSummary[] {
  const wanted = folded(text.trim());
  const words = wanted.split(/\s+/);
  const hits = chats.filter((chat) => {
    const title = folded(chat.title);
    return words.every((word) => title.includes(word));
  });
  const begins = (chat: ChatSummary) => Number(folded(chat.title).startsWith(wanted));
  return hits.sort((a, b) => begins(b) - begins(a));
}
