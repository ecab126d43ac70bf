// Puts a brotli form beside every file of the release that gains by it; the server gives it to those who take it.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const RELEASE = new URL('../dist/', import.meta.url).pathname;
const COMPRESSIBLE = /\.(html|js|css|wasm|svg|webmanifest|json)$/;
const BYTES_MIN = 1024;

for (const name of readdirSync(RELEASE, { recursive: true })) {
  if (!COMPRESSIBLE.test(name)) continue;
  const path = join(RELEASE, name);
  const bytes = readFileSync(path);
  if (bytes.length < BYTES_MIN) continue;
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const packed = brotliCompressSync(bytes, { params });
  if (packed.length < bytes.length) writeFileSync(`${path}.br`, packed);
}
