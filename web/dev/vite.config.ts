import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The app over sample data in memory, for working on it and for its page tests. Nothing of this ships. */
export default defineConfig({
  root: here('.'),
  publicDir: here('../public'),
  plugins: [svelte({ configFile: here('../svelte.config.js') })],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    outDir: here('../dist-dev'),
    emptyOutDir: true,
    reportCompressedSize: false,
  },
});
