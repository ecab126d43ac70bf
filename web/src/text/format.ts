/** Times, sizes and numbers as people say them. `now` and the language are parameters, so that tests can choose them. */

const DAY_MS = 86_400_000;

/** What somebody calls themselves, without the signs that would turn the words after it around (UAX #9, section 2). */
export function plainName(name: string): string {
  return name.replace(/[\u202a-\u202e\u2066-\u2069]/g, '');
}

/** The day a time falls on in the reader's own time zone, as a number that grows by one a day. */
export function dayOf(time: number): number {
  const date = new Date(time);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY_MS);
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(language: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  // Making one costs as much as drawing a row of the list.
  const key = language + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(language, options)));
  return made;
}

/** Makes what the first rows need to say their times: before there are any. */
export function prepareTimes(now: number, language: string): void {
  for (const days of [0, 1, 7]) shortTime(now - days * DAY_MS, now, language);
}

export function clock(time: number, language: string): string {
  return format(language, { hour: 'numeric', minute: '2-digit' }).format(time);
}

/** For a row of the chat list: the time today, the weekday this week, else the date. */
export function shortTime(time: number, now: number, language: string): string {
  const days = dayOf(now) - dayOf(time);
  if (days <= 0) return clock(time, language);
  if (days < 7) return format(language, { weekday: 'short' }).format(time);
  return format(language, { day: '2-digit', month: '2-digit', year: '2-digit' }).format(time);
}

/** For the line between two days: today, yesterday, the weekday, else the date, with its year if it is another. */
export function dayName(time: number, now: number, language: string): string {
  const days = dayOf(now) - dayOf(time);
  if (days === 0 || days === 1) {
    const word = new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(-days, 'day');
    return word.charAt(0).toLocaleUpperCase(language) + word.slice(1);
  }
  if (days > 1 && days < 7) return format(language, { weekday: 'long' }).format(time);
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return format(language, { day: 'numeric', month: 'long', ...(sameYear ? {} : { year: 'numeric' }) }).format(time);
}

export function fullTime(time: number, language: string): string {
  return format(language, { dateStyle: 'medium', timeStyle: 'short' }).format(time);
}

export function bytes(count: number, language: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const options = { style: 'unit', unit: units[unit] ?? 'byte', unitDisplay: 'short' } as const;
  return new Intl.NumberFormat(language, { ...options, maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0 }).format(
    value,
  );
}

/** How long something lasts, in its largest whole unit: 86400 is "1 day". */
export function duration(seconds: number, language: string): string {
  const units: [string, number][] = [
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ];
  const [unit, size] = units.find(([, size]) => seconds >= size && seconds % size === 0) ?? ['second', 1];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(seconds / size);
}

/** Minutes and seconds of a recording. */
export function playTime(ms: number): string {
  // A length comes from whoever sent it.
  const seconds = Number.isFinite(ms) ? Math.max(0, Math.round(ms / 1000)) : 0;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Up to two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}][\p{L}\p{N}\p{M}'’.-]*/gu) ?? [];
  const first = [...(words[0] ?? '')][0] ?? '';
  const last = words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + last).toUpperCase();
}

/** A small number that stays the same for an id: which ground a face has. */
export function shade(id: string, count: number): number {
  let hash = 7;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % count;
}

/** Sixty digits in twelve groups of five, as they are read out. */
export function digitGroups(digits: string): string[] {
  return digits.replace(/\s/g, '').match(/.{1,5}/g) ?? [];
}
