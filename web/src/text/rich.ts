/**
 * Markdown-light: what people write, as a tree of spans. There is no HTML in it and no way to make any: the tree is
 * drawn by RichText.svelte as elements of fixed kinds, and only links have an address, of three schemes.
 */
import type { Mention } from '../core/api';

export type Span =
  | { kind: 'text'; text: string }
  | { kind: 'bold'; spans: Span[] }
  | { kind: 'italic'; spans: Span[] }
  | { kind: 'strike'; spans: Span[] }
  | { kind: 'code'; text: string }
  | { kind: 'block'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'mention'; text: string; user: string };

const MARKS = { '*': 'bold', _: 'italic', '~': 'strike' } as const;
/** Deeper nesting than bold in italic in strike says nothing more. */
const DEPTH_MAX = 3;
/** Longer addresses are shown as text: whoever sends one wants to slow the page down. */
const LINK = /(?:https?:\/\/|mailto:|www\.)[^\s<>"'`]{1,2000}/iy;
/** More mentions than a message needs. */
const MENTIONS_MAX = 100;
const WORD = /[\p{L}\p{N}]/u;

/** The spans of a text. Mentions that overlap or lie outside are left as text. */
export function parse(text: string, mentions: readonly Mention[] = []): Span[] {
  const known = usable(mentions, text.length);
  return parseRange(text, 0, text.length, known, 0);
}

function usable(mentions: readonly Mention[], length: number): Mention[] {
  const sorted = mentions
    .slice(0, MENTIONS_MAX)
    .filter(
      (m) => Number.isInteger(m.start) && Number.isInteger(m.end) && m.start >= 0 && m.end > m.start && m.end <= length,
    )
    .toSorted((a, b) => a.start - b.start);
  let end = 0;
  return sorted.filter((mention) => {
    if (mention.start < end) return false;
    end = mention.end;
    return true;
  });
}

function parseRange(text: string, from: number, to: number, mentions: Mention[], depth: number): Span[] {
  const spans: Span[] = [];
  let plain = from;
  let at = from;
  // Up to where it is known that a mark does not close, so that a text full of open ones is read once and not again for each.
  const open: Record<string, number> = {};
  const take = (span: Span, next: number) => {
    if (at > plain) spans.push({ kind: 'text', text: text.slice(plain, at) });
    spans.push(span);
    plain = at = next;
  };
  while (at < to) {
    const mention = mentions.find((m) => m.start === at && m.end <= to);
    const character = text[at] ?? '';
    if (mention) {
      take({ kind: 'mention', text: text.slice(mention.start, mention.end), user: mention.user }, mention.end);
    } else if (character === '`') {
      const code = codeAt(text, at, to);
      if (code) take(code.span, code.next);
      else at += 1;
    } else if (character in MARKS && depth < DEPTH_MAX) {
      const end =
        opens(text, at, character) && at >= (open[character] ?? 0) ? closing(text, at, to, character, mentions) : -1;
      if (end < 0) {
        if (end < -1) open[character] = -end;
        at += 1;
      } else {
        const kind = MARKS[character as keyof typeof MARKS];
        take({ kind, spans: parseRange(text, at + 1, end, mentions, depth + 1) }, end + 1);
      }
    } else {
      const link = /[hmw]/i.test(character) ? linkAt(text, at, to) : undefined;
      if (link) take(link.span, link.next);
      else at += 1;
    }
  }
  if (at > plain) spans.push({ kind: 'text', text: text.slice(plain, to) });
  return spans;
}

function codeAt(text: string, at: number, to: number): { span: Span; next: number } | undefined {
  if (text.startsWith('```', at)) {
    const end = text.indexOf('```', at + 3);
    if (end > at + 3 && end + 3 <= to) {
      const inside = text.slice(at + 3, end).replace(/^\n|\n$/g, '');
      // The line break after a block is the block's own.
      const next = text[end + 3] === '\n' && end + 3 < to ? end + 4 : end + 3;
      if (inside) return { span: { kind: 'block', text: inside }, next };
    }
  }
  const end = text.indexOf('`', at + 1);
  if (end <= at + 1 || end >= to || text.slice(at, end).includes('\n')) return undefined;
  return { span: { kind: 'code', text: text.slice(at + 1, end) }, next: end + 1 };
}

/** A mark opens before a word, and not inside one. */
function opens(text: string, at: number, mark: string): boolean {
  const before = text[at - 1] ?? ' ';
  const first = text[at + 1] ?? ' ';
  return !WORD.test(before) && before !== mark && !/\s/.test(first) && first !== mark;
}

/** Where the mark opened at `at` closes: after a word, and in the same line. If it does not, where that line ends, negated. */
function closing(text: string, at: number, to: number, mark: string, mentions: Mention[]): number {
  for (let end = at + 2; end < to; end += 1) {
    const character = text[end];
    if (character === '\n') return -end;
    if (character !== mark || mentions.some((m) => m.start <= end && end < m.end)) continue;
    const after = text[end + 1] ?? ' ';
    if (!/\s/.test(text[end - 1] ?? ' ') && !WORD.test(after) && after !== mark) return end;
  }
  return -to;
}

function linkAt(text: string, at: number, to: number): { span: Span; next: number } | undefined {
  if (WORD.test(text[at - 1] ?? ' ')) return undefined;
  LINK.lastIndex = at;
  const found = LINK.exec(text)?.[0].slice(0, to - at);
  if (!found) return undefined;
  const shown = withoutTail(found);
  const isBare = /^www\./i.test(shown);
  const href = isBare && !shown.includes('.', 4) ? undefined : safeAddress(isBare ? `https://${shown}` : shown);
  return href ? { span: { kind: 'link', text: shown, href }, next: at + shown.length } : undefined;
}

/** Punctuation at the end belongs to the sentence, a closing bracket too when it was not opened in the address. */
function withoutTail(address: string): string {
  let unopened = 0;
  for (const character of address) unopened += character === ')' ? 1 : character === '(' ? -1 : 0;
  for (let end = address.length; ; end -= 1) {
    const last = address[end - 1] ?? '';
    if (last === ')' && unopened > 0) unopened -= 1;
    else if (!/[.,;:!?\]}*_~…]/.test(last)) return address.slice(0, end);
  }
}

/** The address if a browser may open it, of the schemes http, https and mailto alone. */
export function safeAddress(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, href } = new URL(address);
  if (protocol === 'mailto:') return href;
  return (protocol === 'https:' || protocol === 'http:') && hostname ? href : undefined;
}

/** The words without their marks, for previews and notifications. */
export function plainText(text: string): string {
  const flat = (spans: Span[]): string =>
    spans.map((span) => ('spans' in span ? flat(span.spans) : span.text)).join('');
  return flat(parse(text));
}

let graphemes: Intl.Segmenter | undefined;

/** Is the text nothing but one to three emoji? They are shown large. */
export function isOnlyEmoji(text: string): boolean {
  // Nearly every text ends here; a segmenter is dear.
  if (/\p{L}/u.test(text)) return false;
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const parts = [...graphemes.segment(text.trim().slice(0, 64))];
  return parts.length > 0 && parts.length <= 3 && parts.every((part) => /^(?:\p{RGI_Emoji})$/v.test(part.segment));
}
