import type { Mention, Person } from '../../core/api';
import { folded } from '../chats/search';

/** The word after the `@` that the cursor stands in, with the place of the `@`. */
export function mentionAt(text: string, cursor: number): { start: number; word: string } | undefined {
  const found = /(?:^|[\s(])@([\p{L}\p{N}_.'-]{0,32})$/u.exec(text.slice(0, cursor));
  if (!found) return undefined;
  const word = found[1] ?? '';
  return { start: cursor - word.length - 1, word };
}

/** People whose name has a word that begins so. */
export function candidates(people: readonly Person[], word: string, limit: number): Person[] {
  const wanted = folded(word);
  return people
    .filter((person) =>
      folded(person.name)
        .split(/\s+/)
        .some((part) => part.startsWith(wanted)),
    )
    .slice(0, limit);
}

/** Where the chosen names stand in what was written in the end; a name that was changed since is no mention any more. */
export function mentionsIn(text: string, chosen: readonly { name: string; user: string }[]): Mention[] {
  const mentions: Mention[] = [];
  for (const { name, user } of chosen) {
    let start = -1;
    do start = text.indexOf(`@${name}`, start + 1);
    while (start >= 0 && mentions.some((other) => start < other.end && other.start <= start));
    if (start >= 0) mentions.push({ start, end: start + name.length + 1, user });
  }
  return mentions.sort((a, b) => a.start - b.start);
}
