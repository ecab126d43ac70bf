import { expect, it } from 'vitest';
import { candidates, mentionAt, mentionsIn } from '../../src/app/conversation/mentions';
import { powers } from '../../src/app/details/powers';
import { read, to } from '../../src/state/route.svelte';
import { firstBelow, reveal, trim, visible } from '../../src/text/list';

it('draws only the rows on the screen and a few more', () => {
  expect(visible(10_000, 72, 0, 720, 6)).toEqual({ first: 0, end: 16 });
  expect(visible(10_000, 72, 72_000, 720, 6)).toEqual({ first: 994, end: 1016 });
  expect(visible(10_000, 72, 720_000, 720, 6)).toEqual({ first: 9994, end: 10_000 });
  expect(visible(3, 72, -50, 720, 6)).toEqual({ first: 0, end: 3 });
  expect(visible(3, 72, 5000, 720, 6)).toEqual({ first: 3, end: 3 });
  expect(visible(0, 72, 0, 720, 6)).toEqual({ first: 0, end: 0 });
  expect(visible(5, 0, 0, 720, 6)).toEqual({ first: 0, end: 0 });
});

it('scrolls only to rows that are not wholly on the screen', () => {
  expect(reveal(5, 72, 0, 720)).toBeUndefined();
  expect(reveal(10, 72, 0, 720)).toBe(72);
  expect(reveal(2, 72, 200, 720)).toBe(144);
});

it('drops rows at the end one goes away from', () => {
  expect(trim([1, 2, 3, 4], 3, 'start')).toEqual([1, 2, 3]);
  expect(trim([1, 2, 3, 4], 3, 'end')).toEqual([2, 3, 4]);
  expect(trim([1, 2], 3, 'end')).toEqual([1, 2]);
});

it('finds the first row below a line in a few looks', () => {
  const bottoms = Array.from({ length: 1000 }, (_, index) => (index + 1) * 10);
  let looks = 0;
  const look = (index: number) => {
    looks += 1;
    return bottoms[index] ?? 0;
  };
  expect(firstBelow(1000, look, 0)).toBe(0);
  expect(firstBelow(1000, look, 55)).toBe(5);
  expect(firstBelow(1000, look, 60)).toBe(6);
  expect(firstBelow(1000, look, 99_999)).toBe(1000);
  expect(looks).toBeLessThan(50);
});

it('offers people while a name is written after @', () => {
  expect(mentionAt('hi @ad', 6)).toEqual({ start: 3, word: 'ad' });
  expect(mentionAt('@', 1)).toEqual({ start: 0, word: '' });
  expect(mentionAt('mail me@ad', 10)).toBeUndefined();
  expect(mentionAt('@ada and', 8)).toBeUndefined();
  const people = ['Ada Lind', 'Ben Ada', 'Jörg'].map((name) => ({
    user: name,
    name,
    isContact: true,
    isBlocked: false,
    verified: false,
  }));
  expect(candidates(people, 'ad', 5).map(({ name }) => name)).toEqual(['Ada Lind', 'Ben Ada']);
  expect(candidates(people, 'jorg', 5).map(({ name }) => name)).toEqual(['Jörg']);
});

it('mentions whom the text still names', () => {
  const chosen = [
    { name: 'Ada', user: 'a' },
    { name: 'Ada Lind', user: 'b' },
    { name: 'Ben', user: 'c' },
  ];
  const names = [
    { name: 'Ann', user: 'ann' },
    { name: 'Anna', user: 'anna' },
  ];
  expect(mentionsIn('@Anna, is @Ann there?', names)).toEqual([
    { start: 0, end: 5, user: 'anna' },
    { start: 10, end: 14, user: 'ann' },
  ]);
  expect(mentionsIn('@Ada and @Ada Lind', chosen)).toEqual([
    { start: 0, end: 4, user: 'a' },
    { start: 9, end: 18, user: 'b' },
  ]);
});

it('hides what a role may not do', () => {
  expect(powers('owner', 'member')).toEqual({ promote: true, demote: false, handOver: true, remove: true });
  expect(powers('admin', 'member')).toEqual({ promote: false, demote: false, handOver: false, remove: true });
  expect(powers('admin', 'admin').remove).toBe(false);
  expect(powers('member', 'member')).toEqual({ promote: false, demote: false, handOver: false, remove: false });
  expect(powers('owner', 'owner').remove).toBe(false);
  expect(powers(undefined, 'member').remove).toBe(false);
});

it('reads addresses, hostile ones too', () => {
  expect(read(to.chat('a/b', 7))).toEqual({ side: 'chats', chat: 'a/b', details: false, at: 7 });
  expect(read(to.details('abc'))).toEqual({ side: 'chats', chat: 'abc', details: true });
  expect(read(to.settings('devices')).side).toBe('devices');
  expect(read('#/join/k3v9').invite).toBe('k3v9');
  for (const hash of [
    '',
    '#',
    '#/',
    '#/chat',
    '#/nothing/else',
    '#/chat/%E0%A4%A',
    '#/settings/__proto__',
    '#javascript:alert(1)',
  ]) {
    expect(read(hash).chat).toBeUndefined();
  }
  expect(read('#/settings/__proto__').side).toBe('main');
});
