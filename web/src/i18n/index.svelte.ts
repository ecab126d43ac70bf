/** The words of the app. `t('key')` reads the catalogue of the chosen language; a missing key does not compile. */
import { en } from './en';

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Key = keyof typeof en;
export type Catalogue = Record<Key, string | Plural>;
export type Values = Record<string, string | number>;

export const LANGUAGES = { en: 'English', de: 'Deutsch' } as const;
export type Language = keyof typeof LANGUAGES;

let language = $state<Language>('en');
let words = $state.raw<Catalogue>(en);
const region = $derived(
  (typeof navigator === 'undefined' ? [] : navigator.languages).find((tag) => tag.startsWith(`${language}-`)) ??
    language,
);
const plurals = $derived(new Intl.PluralRules(language));
const numbers = $derived(new Intl.NumberFormat(region));

/** The reader's own kind of the language, for dates and numbers: who reads English in Britain counts to 24 hours. */
export function locale(): string {
  return region;
}

export function isLanguage(name: string): name is Language {
  return Object.hasOwn(LANGUAGES, name);
}

export async function speak(wanted: Language): Promise<void> {
  words = wanted === 'de' ? (await import('./de')).de : en;
  language = wanted;
  if (typeof document !== 'undefined') document.documentElement.lang = wanted;
}

/** The first of the reader's languages that the app speaks. */
export function preferred(languages: readonly string[]): Language {
  for (const wanted of languages) {
    const base = wanted.slice(0, 2).toLowerCase();
    if (isLanguage(base)) return base;
  }
  return 'en';
}

/** A text with `{name}` filled in; `count` chooses the plural form. Values are text, never markup. */
export function t(key: Key, values: Values = {}): string {
  const entry = words[key];
  const count = values['count'];
  const text =
    typeof entry === 'string'
      ? entry
      : ((typeof count === 'number' ? entry[plurals.select(count)] : undefined) ?? entry.other);
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === 'number' ? numbers.format(value) : value;
  });
}
