import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** Writes `service-worker.js`: the template beside this file, with the list of what the build made. */
export function serviceWorker(): Plugin {
  return {
    name: 'dunlin-service-worker',
    apply: 'build',
    generateBundle(_options, bundle) {
      const assets = Object.keys(bundle)
        .filter((name) => name.startsWith('assets/'))
        .sort();
      // The page names the hashed assets, so a hash over names changes whenever anything does.
      const release = createHash('sha256').update(assets.join('\n')).digest('hex').slice(0, 12);
      const template = readFileSync(new URL('./service-worker.js', import.meta.url), 'utf8');
      this.emitFile({
        type: 'asset',
        fileName: 'service-worker.js',
        source: template
          .replace("'__RELEASE__'", JSON.stringify(release))
          .replace("'__ASSETS__'", JSON.stringify(assets.map((name) => `/${name}`))),
      });
    },
  };
}
