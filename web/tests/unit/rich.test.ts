import { describe, expect, it } from 'vitest';
import { HOSTILE } from '../../dev/memory/hostile';
import { isOnlyEmoji, parse, plainText, safeAddress, type Span } from '../../src/text/rich';

const kinds = (text: string) => parse(text).map((span) => span.kind);

function written(spans: Span[]): string {
  return spans.map((span) => ('spans' in span ? written(span.spans) : span.text)).join('');
}

describe('marks', () => {
  it('makes bold, italic, struck and code', () => {
    expect(parse('a *b* _c_ ~d~ `e`')).toEqual([
      { kind: 'text', text: 'a ' },
      { kind: 'bold', spans: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'italic', spans: [{ kind: 'text', text: 'c' }] },
      { kind: 'text', text: ' ' },
      { kind: 'strike', spans: [{ kind: 'text', text: 'd' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'e' },
    ]);
  });

  it('nests marks, but not in code', () => {
    expect(parse('*a _b_*')).toEqual([
      {
        kind: 'bold',
        spans: [
          { kind: 'text', text: 'a ' },
          { kind: 'italic', spans: [{ kind: 'text', text: 'b' }] },
        ],
      },
    ]);
    expect(parse('`*a*`')).toEqual([{ kind: 'code', text: '*a*' }]);
  });

  it.each(['2*3*4', 'snake_case_name', '* a *', '__init__', '**', '*a\nb*', 'a * b', '~ ~', '``', '`a\nb`'])(
    'leaves %j as it is',
    (text) => {
      expect(parse(text)).toEqual([{ kind: 'text', text }]);
    },
  );

  it('takes a block between three backticks without its line breaks', () => {
    expect(parse('x\n```\na *b*\n```\ny')).toEqual([
      { kind: 'text', text: 'x\n' },
      { kind: 'block', text: 'a *b*' },
      { kind: 'text', text: 'y' },
    ]);
  });
});

describe('links', () => {
  it('leaves the punctuation of the sentence out', () => {
    expect(parse('(see https://example.org/a_(b), or www.example.org.)')).toEqual([
      { kind: 'text', text: '(see ' },
      { kind: 'link', text: 'https://example.org/a_(b)', href: 'https://example.org/a_(b)' },
      { kind: 'text', text: ', or ' },
      { kind: 'link', text: 'www.example.org', href: 'https://www.example.org/' },
      { kind: 'text', text: '.)' },
    ]);
  });

  it('does not read marks inside an address', () => {
    expect(kinds('https://example.org/a_b_c*d*')).toEqual(['link', 'text']);
  });

  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'https://',
    ' javascript:x',
    'jAvAsCrIpT:x',
  ])('never opens %j', (address) => {
    expect(safeAddress(address)).toBeUndefined();
    expect(kinds(address)).not.toContain('link');
  });
});

describe('mentions', () => {
  it('stand where the sender says', () => {
    expect(parse('hi @Ada!', [{ start: 3, end: 7, user: 'ada' }])).toEqual([
      { kind: 'text', text: 'hi ' },
      { kind: 'mention', text: '@Ada', user: 'ada' },
      { kind: 'text', text: '!' },
    ]);
  });

  it('that overlap, lie outside or are no numbers are left out', () => {
    const mentions = [
      { start: 0, end: 4, user: 'a' },
      { start: 2, end: 6, user: 'b' },
      { start: 5, end: 99, user: 'c' },
      { start: -1, end: 2, user: 'd' },
      { start: NaN, end: 2, user: 'e' },
    ];
    expect(parse('@Ada @Ben', mentions)).toEqual([
      { kind: 'mention', text: '@Ada', user: 'a' },
      { kind: 'text', text: ' @Ben' },
    ]);
  });
});

describe('hostile texts', () => {
  it('lose no character and gain no link that runs', () => {
    for (const text of HOSTILE) {
      const spans = parse(text);
      const marks = /[*_~`\n]/g;
      expect(written(spans).replace(marks, '')).toBe(text.replace(marks, ''));
      for (const span of spans) if (span.kind === 'link') expect(span.href).toMatch(/^(https?|mailto):/);
    }
  });

  it('are read in time that grows with their length, not with its square', () => {
    // A square of 20,000 would be 400 million steps.
    for (const text of [
      '*'.repeat(20_000),
      '`'.repeat(20_000),
      '*a '.repeat(7000),
      '_a '.repeat(7000),
      'www.'.repeat(5000),
      'https://'.repeat(2500),
      // No address of these can be parsed, so each is tried from every start.
      `${'www.%'.repeat(200)}${')'.repeat(1000)} `.repeat(24),
    ])
      parse(text);
  }, 2000);
});

it('plain text has no marks', () => {
  expect(plainText('*a* _b `c`_')).toBe('a b c');
});

it('up to three emoji alone are large', () => {
  expect(['🌅', '👍🏽 ❤️', '👨‍👩‍👧‍👦🎉🎉', ' 🙈 '].map((text) => isOnlyEmoji(text.replace(' ', '')))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['', 'a', '🎉🎉🎉🎉', '1', '#', 'ok 👍'].map(isOnlyEmoji)).toEqual([false, false, false, false, false, false]);
});
