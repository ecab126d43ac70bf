import type { ChatDetails, Mention, Person, UserId } from '../../core/api';
import type { Messenger } from '../../state/messenger.svelte';
import { folded } from '../chats/search';

/** Somebody who was chosen by name. */
export interface Chosen {
  name: string;
  user: UserId;
}

/** Who can be named: the others of a group. */
export function mentionable(details: ChatDetails | undefined, { people, me }: Messenger): Person[] {
  if (details?.kind !== 'group') return [];
  const others = details.roles.map(({ user }) => people.get(user));
  return others.filter((person): person is Person => !!person && person.user !== me);
}

/** Whom a text names, so that it can be written anew. */
export function chosenIn(text: string, mentions: readonly Mention[]): Chosen[] {
  return mentions.map(({ start, end, user }) => ({ name: text.slice(start + 1, end), user }));
}

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
export function mentionsIn(text: string, chosen: readonly Chosen[]): Mention[] {
  const mentions: Mention[] = [];
  // A name may begin another one.
  for (const { name, user } of [...chosen].sort((a, b) => b.name.length - a.name.length)) {
    let start = -1;
    do start = text.indexOf(`@${name}`, start + 1);
    while (start >= 0 && mentions.some((other) => start < other.end && other.start <= start));
    if (start >= 0) mentions.push({ start, end: start + name.length + 1, user });
  }
  return mentions.sort((a, b) => a.start - b.start);
}
