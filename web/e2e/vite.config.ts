import { defineConfig } from 'vite';

/** The core without the app, for the end-to-end tests of the core. */
export default defineConfig({
  root: import.meta.dirname + '/page',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: '../../dist-core',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    minify: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
