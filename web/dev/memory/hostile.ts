import type { Attachment } from '../../src/core/api';
import type { Album } from './pictures';

/** Texts that try to become more than text. Shown as they stand, or the app is broken. */
export const HOSTILE: string[] = [
  '<img src=x onerror="window.ran=1">',
  '<script>window.ran=1</script>',
  '<svg onload="window.ran=1"><script>window.ran=1</script></svg>',
  '"><iframe srcdoc="<script>parent.ran=1</script>"></iframe>',
  'javascript:window.ran=1',
  'www.javascript:alert(1).example',
  'https://example.org/"onmouseover="window.ran=1',
  'data:text/html,<script>window.ran=1</script>',
  '[click](javascript:window.ran=1) ![x](x"onerror="window.ran=1)',
  '*bold <b onclick="window.ran=1">x</b>*',
  '`<script>window.ran=1</script>`',
  '```\n</pre><script>window.ran=1</script>\n```',
  '{@html "<script>window.ran=1</script>"} {{constructor.constructor("window.ran=1")()}}',
  '\u202Egnp.exe\u202C is not a picture \u2066\u2067',
  'Z\u0351\u036B\u0343\u036A\u0302\u036B\u033D\u034F\u0334\u0319\u0324\u031E\u0349\u035A'.repeat(40),
  'W'.repeat(4000),
  '*'.repeat(3000),
  '`'.repeat(3000),
  '_*~'.repeat(1000),
  '@'.repeat(500) + ' __proto__ constructor hasOwnProperty',
  '\u0000\u0001\u0008\uFFFF\uD800',
];

const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="parent.ran=1"><script>parent.ran=1</script></svg>';
const HTML = '<!doctype html><script>(opener??parent).ran=1</script>';
const octets = (text: string) => new TextEncoder().encode(text);

/** Files whose type, name, size and preview are not what they say. */
export function hostileFiles(album: Album): Attachment[][] {
  const picture = { kind: 'image' as const, width: 400, height: 300 };
  return [
    [
      album.file('"><img src=x onerror=alert(1)>.svg', 'image/svg+xml', 1234, SVG, picture),
      album.file('page.html', 'text/html', 99, HTML),
      album.file('../../../etc/passwd', 'application/x-sh', 0, HTML),
      album.file('holiday\u202Egpj.exe', 'application/pdf', 5, HTML),
      album.file('W'.repeat(255), 'constructor', 1e15, HTML),
      album.file('\u200B\u2066', '__proto__', NaN, HTML),
    ],
    // Said to be pictures, and are not: by their bytes, their preview, their size.
    [
      album.file('a.png', 'image/png', 10, HTML, { ...picture, thumbnail: octets(SVG) }),
      album.file('b.png', 'IMAGE/PNG; x="<script>"', 10, SVG, { ...picture, width: 1, height: 65_535 }),
      album.file('c.jpg', 'image/jpeg', 10, '', { kind: 'image', width: -5, height: NaN, thumbnail: octets(HTML) }),
    ],
    [album.file('d.mp4', 'video/mp4', 10, HTML, { kind: 'video', width: 65_535, height: 1, durationMs: Infinity })],
    [album.file('', 'audio/ogg; codecs=opus', 10, HTML, { kind: 'voice', durationMs: -1, waveform: [NaN, 1e9, -4] })],
    [album.file('e.ogg', 'audio/ogg', 10, HTML, { kind: 'voice', waveform: Array.from({ length: 9000 }, () => 9) })],
  ];
}
