import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { serviceWorker } from '../build/serviceWorker';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The app over sample data in memory, for working on it and for its page tests. Nothing of this ships. */
export default defineConfig({
  root: here('.'),
  publicDir: here('../public'),
  // The page does not ask for the service worker; a test may.
  plugins: [svelte({ configFile: here('../svelte.config.js') }), serviceWorker()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    outDir: here('../dist-dev'),
    emptyOutDir: true,
    reportCompressedSize: false,
  },
});
