import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';

/** The release, as `npm run build` left it. */
const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const FIRST_SCREEN_BYTES_MAX = 150_000;
const CODE_BYTES_MAX = 300_000;
const CORE_BYTES_MAX = 1_000_000;

const page = readFileSync(`${DIST}index.html`, 'utf8');
const assets = readdirSync(`${DIST}assets`).filter((name) => !name.endsWith('.br'));
const code = assets.filter((name) => /\.(js|css)$/.test(name));
/** Bytes as they travel: packed as `npm run build` did, where it did. */
function small(name) {
  const bytes = readFileSync(DIST + name);
  if (!existsSync(`${DIST}${name}.br`)) return bytes.length;
  const packed = readFileSync(`${DIST}${name}.br`);
  assert.ok(brotliDecompressSync(packed).equals(bytes), `${name}.br is of something else`);
  return packed.length;
}
const sum = (names) => names.reduce((total, name) => total + small(name), 0);

/** What the page names, and whatever that imports before it runs. */
function firstScreen() {
  const wanted = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1]);
  for (const name of wanted) {
    if (!name.endsWith('.js')) continue;
    const text = readFileSync(DIST + name, 'utf8');
    for (const match of text.matchAll(/(?:import|from)\s*"\.\/([^"]+\.js)"/g)) {
      const found = `assets/${match[1]}`;
      if (!wanted.includes(found)) wanted.push(found);
    }
  }
  return ['index.html', ...wanted];
}

test('what the first screen loads', (context) => {
  const files = firstScreen();
  const bytes = sum(files);
  context.diagnostic(`${bytes} bytes brotli in ${files.length} files`);
  assert.ok(files.some((name) => name.endsWith('.js')) && files.some((name) => name.endsWith('.css')));
  assert.ok(bytes <= FIRST_SCREEN_BYTES_MAX, `${bytes}`);
});

test('all JavaScript and CSS', (context) => {
  const bytes = sum(code.map((name) => `assets/${name}`));
  context.diagnostic(`${bytes} bytes brotli in ${code.length} files`);
  assert.ok(bytes <= CODE_BYTES_MAX, `${bytes}`);
});

test('the core, which the first screen does not wait for', (context) => {
  const modules = assets.filter((name) => name.endsWith('.wasm'));
  assert.equal(modules.length, 1);
  const bytes = sum(modules.map((name) => `assets/${name}`));
  context.diagnostic(`${bytes} bytes brotli`);
  assert.ok(bytes <= CORE_BYTES_MAX, `${bytes}`);
  const names = (file) => readFileSync(DIST + file, 'utf8').includes(modules[0]);
  assert.ok(code.some((file) => names(`assets/${file}`)));
  assert.deepEqual(firstScreen().filter(names), []);
});

test('nothing inline, nothing evaluated, nothing of the bench', () => {
  assert.doesNotMatch(page, /<style|<script(?![^>]*src=)|\son\w+=|style=/);
  for (const name of code) {
    const text = readFileSync(`${DIST}assets/${name}`, 'utf8');
    assert.doesNotMatch(text, /\beval\(|new Function\(|Ada Lindqvist/, name);
    assert.doesNotMatch(text, /url\(["']?data:/, name);
  }
});

test('the service worker names every asset', () => {
  const worker = readFileSync(`${DIST}service-worker.js`, 'utf8');
  for (const name of assets.filter((name) => !name.endsWith('.map')))
    assert.ok(worker.includes(`/assets/${name}`), name);
  assert.doesNotMatch(worker, /__RELEASE__|__ASSETS__/);
  for (const icon of ['icon.svg', 'icon-192.png', 'icon-512.png', 'icon-maskable.png', 'icon-180.png'])
    assert.ok(existsSync(`${DIST}icons/${icon}`), icon);
});
