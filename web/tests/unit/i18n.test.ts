import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { SHORTCUTS } from '../../src/app/overlays/shortcuts';
import { de } from '../../src/i18n/de';
import { en } from '../../src/i18n/en';
import { preferred, speak, t, type Key, type Plural } from '../../src/i18n/index.svelte';

const keys = Object.keys(en) as Key[];
const texts = (entry: string | Plural) => (typeof entry === 'string' ? [entry] : Object.values(entry));
const holes = (entry: string | Plural) =>
  new Set(texts(entry).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1])));

afterEach(() => speak('en'));

it('every language has every key, no more, and no empty text', () => {
  expect(Object.keys(de).sort()).toEqual(Object.keys(en).sort());
  for (const key of keys)
    for (const text of [...texts(en[key]), ...texts(de[key])]) expect(text.trim(), key).not.toBe('');
});

it('translations fill in the same values', () => {
  for (const key of keys) expect(holes(de[key]), key).toEqual(holes(en[key]));
});

it('has a sentence for each reason that the core has to distrust a chat', () => {
  const source = readFileSync('../crates/client-wasm/src/views.rs', 'utf8');
  const reasons = source.matchAll(/Distrust::\w+ => "(\w+)"/g);
  const named = [...reasons].map((match) => `distrust.${match[1]}`);
  expect(named.sort()).toEqual(keys.filter((key) => key.startsWith('distrust.')).sort());
  expect(named.length).toBeGreaterThan(0);
});

it('plural forms are those that the language has', () => {
  for (const catalogue of [en, de]) {
    for (const key of keys) {
      const entry: string | Plural = catalogue[key];
      if (typeof entry !== 'string') expect(Object.keys(entry).sort(), key).toEqual(['one', 'other']);
    }
  }
});

it('chooses the plural and counts as the language does', async () => {
  expect([t('chat.members', { count: 1 }), t('chat.members', { count: 1200 })]).toEqual(['1 member', '1,200 members']);
  await speak('de');
  expect([t('chat.members', { count: 1 }), t('chat.members', { count: 1200 })]).toEqual([
    '1 Mitglied',
    '1.200 Mitglieder',
  ]);
});

it('fills values in once, whatever stands in them', () => {
  expect(t('person.blockTitle', { name: '{name} $& {x}' })).toBe('Block {name} $& {x}?');
});

it('speaks the first language it knows', () => {
  expect([preferred(['fr-FR', 'de-AT', 'en']), preferred(['fr']), preferred([]), preferred(['__proto__'])]).toEqual([
    'de',
    'en',
    'en',
    'en',
  ]);
});

function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

it('components hold no words of their own', () => {
  const wrong: string[] = [];
  for (const path of files('src/app').filter((path) => path.endsWith('.svelte'))) {
    const markup = readFileSync(path, 'utf8').replace(
      /<script[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>|<!--[\s\S]*?-->/g,
      '',
    );
    // Without what is computed, tags and entities, what remains is written out. Names of keys are the same everywhere.
    const plain = markup
      .replace(/<kbd>\w+<\/kbd>/g, '')
      .replace(/=>/g, '')
      .replace(/\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}/g, '');
    for (const match of plain.matchAll(/>([^<>]*[\p{L}]{2,}[^<>]*)</gu)) wrong.push(`${path}: ${match[1]?.trim()}`);
    for (const match of plain.matchAll(/(?:aria-label|title|placeholder|alt)="([^"]*[\p{L}][^"]*)"/gu))
      if (!match[1]?.startsWith('dunlin:')) wrong.push(`${path}: ${match[1]}`);
  }
  expect(wrong).toEqual([]);
});

it('docs/web.md lists every shortcut', () => {
  const page = readFileSync('../docs/web.md', 'utf8');
  for (const { keys } of SHORTCUTS) expect(page).toContain(`\`${keys.join('+')}\``);
});

it('every key is used', () => {
  const sources = files('src')
    .filter((path) => !path.includes('i18n') && !path.includes('core/'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  const built = [...sources.matchAll(/t\(`([\w.]+)\$\{/g)].map((match) => match[1] ?? '');
  expect(keys.filter((key) => !sources.includes(`'${key}'`) && !built.some((start) => key.startsWith(start)))).toEqual(
    [],
  );
});
