import { describe, expect, it } from 'vitest';
import {
  bytes,
  dayName,
  dayOf,
  digitGroups,
  duration,
  initials,
  plainName,
  playTime,
  shade,
  shortTime,
} from '../../src/text/format';

const at = (day: number, hour = 12, month = 5, year = 2026) => new Date(year, month, day, hour).getTime();
const NOW = at(18, 9);

describe('times', () => {
  it('are short in the list', () => {
    expect(shortTime(at(18, 8), NOW, 'en-GB')).toBe('8:00');
    expect(shortTime(at(16), NOW, 'en-GB')).toBe('Tue');
    expect(shortTime(at(11), NOW, 'en-GB')).toBe('11/06/26');
  });

  it('name days in both languages', () => {
    expect(['en', 'de'].map((language) => dayName(at(18, 1), NOW, language))).toEqual(['Today', 'Heute']);
    expect(['en', 'de'].map((language) => dayName(at(17, 23), NOW, language))).toEqual(['Yesterday', 'Gestern']);
    expect(dayName(at(15), NOW, 'de')).toBe('Montag');
    expect(dayName(at(1, 12, 0), NOW, 'en-GB')).toBe('1 January');
    expect(dayName(at(1, 12, 0, 2024), NOW, 'en-GB')).toBe('1 January 2024');
  });

  it('count days by the calendar, not by 24 hours', () => {
    expect(dayOf(at(18, 0)) - dayOf(at(17, 23))).toBe(1);
    // Clocks go forward on 29 March in much of Europe; the day has 23 hours there.
    expect(dayOf(at(30, 0, 2)) - dayOf(at(29, 0, 2))).toBe(1);
  });

  it('name how long something lasts', () => {
    expect([3600, 86_400, 604_800, 5400].map((seconds) => duration(seconds, 'en'))).toEqual([
      '1 hour',
      '1 day',
      '1 week',
      '90 minutes',
    ]);
    expect(playTime(61_400)).toBe('1:01');
  });
});

it('sizes have one digit after the point when they are small', () => {
  expect([512, 1500, 48_300_000, 2_000_000_000].map((count) => bytes(count, 'en'))).toEqual([
    '512 byte',
    '1.5 kB',
    '48 MB',
    '2 GB',
  ]);
});

it('initials come from the first and the last word', () => {
  expect(['Ada Lindqvist', 'mama', 'Ana María de la Cruz', '🙂', '', '  ', 'אילן ברק', '<b>x'].map(initials)).toEqual([
    'AL',
    'M',
    'AC',
    '',
    '',
    '',
    'אב',
    'BX',
  ]);
});

it('a face keeps its ground', () => {
  expect(shade('ada', 6)).toBe(shade('ada', 6));
  expect(new Set(Array.from({ length: 60 }, (_, index) => shade(`user${index}`, 6))).size).toBe(6);
});

it('digits stand in groups of five', () => {
  expect(digitGroups('12345 67890 12')).toEqual(['12345', '67890', '12']);
});

it('names turn no other words around', () => {
  expect(plainName('Eve\u202e gnirts \u2066x\u2069')).toBe('Eve gnirts x');
  expect(plainName('אילן ברק')).toBe('אילן ברק');
});
