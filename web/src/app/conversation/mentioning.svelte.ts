import type { Mention, Person } from '../../core/api';
import { candidates, mentionAt, mentionsIn, type Chosen } from './mentions';

const CANDIDATES_MAX = 6;

/** Names that are offered while somebody writes, and those that were chosen. */
export class Mentioning {
  readonly #people: () => readonly Person[];
  readonly #text: () => string;
  chosen: readonly Chosen[] = [];
  /** Where one writes, in the text. */
  cursor = $state(0);
  /** Which of the offered names the keyboard is at. */
  choice = $state(0);

  constructor(people: () => readonly Person[], text: () => string) {
    this.#people = people;
    this.#text = text;
  }

  readonly #at = $derived.by(() => (this.#people().length > 0 ? mentionAt(this.#text(), this.cursor) : undefined));
  readonly offered = $derived.by(() => (this.#at ? candidates(this.#people(), this.#at.word, CANDIDATES_MAX) : []));

  /** After something was written. */
  wrote(cursor: number): void {
    this.cursor = cursor;
    this.choice = 0;
  }

  /** The text with the name in it; the cursor is behind that. */
  pick(person: Person): string {
    const text = this.#text();
    const start = this.#at?.start ?? this.cursor;
    const rest = text.slice(this.cursor);
    this.cursor = start + person.name.length + 2;
    this.chosen = [...this.chosen, { name: person.name, user: person.user }];
    return `${text.slice(0, start)}@${person.name} ${rest}`;
  }

  /** True if the key was meant for the names on offer. */
  keys(event: KeyboardEvent, pick: (person: Person) => void): boolean {
    const { offered, choice } = this;
    if (offered.length === 0) return false;
    const person = offered[choice];
    if (event.key === 'ArrowDown') this.choice = (choice + 1) % offered.length;
    else if (event.key === 'ArrowUp') this.choice = (choice + offered.length - 1) % offered.length;
    else if ((event.key === 'Enter' || event.key === 'Tab') && person) pick(person);
    else if (event.key === 'Escape') this.cursor = 0;
    else return false;
    event.stopPropagation();
    event.preventDefault();
    return true;
  }

  /** Who is named in what is sent in the end. */
  in(text: string): Mention[] {
    return mentionsIn(text, this.chosen);
  }
}
