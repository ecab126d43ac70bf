/** Names of files come from others: they are shown as they are, but cannot pretend to be something else. */

/** Controls, marks of direction and characters without width, which turn `exe.gnp` into `png.exe` for the eye. */

const UNSEEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
/** What file systems give a meaning to. */

const MEANT = /[/\\:*?"<>|\u0000-\u001f]/g;
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
/** File systems take 255 bytes; the browser may add " (1)". */
const SAVED_BYTES_MAX = 200;
const ENDING_MAX = 12;

/** The name without anything that cannot be seen. May be empty. */
export function shownName(name: string): string {
  return name.replace(UNSEEN, '').replace(/\s+/g, ' ').trim();
}

/** A name in two parts, so that the second, its ending, stays in sight when the first is clipped. */
export function parts(name: string): { stem: string; end: string } {
  const shown = shownName(name);
  const dot = shown.lastIndexOf('.');
  if (dot <= 0 || shown.length - dot > ENDING_MAX) return { stem: shown, end: '' };
  return { stem: shown.slice(0, dot), end: shown.slice(dot) };
}

/** The name to save under: no folders, nothing hidden, no device of Windows, not too long, with its ending kept. */
export function savedName(name: string, otherwise: string): string {
  const plain = shownName(name)
    .replace(MEANT, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '');
  if (!plain) return otherwise;
  const free = RESERVED.test(plain) ? `_${plain}` : plain;
  const { stem, end } = parts(free);
  let letters = [...stem];
  const size = (text: string) => new TextEncoder().encode(text).length;
  while (letters.length > 1 && size(letters.join('') + end) > SAVED_BYTES_MAX) letters = letters.slice(0, -8);
  return (letters.join('').trimEnd() || otherwise) + end;
}
