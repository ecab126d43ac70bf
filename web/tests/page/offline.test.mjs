import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, open } from './browser.mjs';
import { serve } from './server.mjs';

/** The release itself, not the bench. There is no server behind it, so only its shell is looked at. */
let server;
let browser;
before(async () => {
  server = await serve(fileURLToPath(new URL('../../dist', import.meta.url)));
  browser = await launch();
});
after(async () => {
  await browser?.close();
  // Also when the test did not come so far: what listens would keep this process for ever.
  server?.close();
});

test('the shell opens again when the server is gone', async () => {
  const { page, context } = await open(browser, server.address);
  const manifest = await page.evaluate(async () => (await fetch('/manifest.webmanifest')).json());
  assert.equal(manifest.display, 'standalone');
  await page.evaluate(async () => {
    const { active, installing, waiting } = await navigator.serviceWorker.ready;
    const worker = active ?? installing ?? waiting;
    if (worker.state !== 'activated')
      await new Promise((done) => worker.addEventListener('statechange', () => worker.state === 'activated' && done()));
  });
  server.close();
  await context.setOffline(true);
  await page.reload();
  await page.locator('#app svg, #app input').first().waitFor();
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const requests = await (await caches.open(names[0])).keys();
    return requests
      .map((request) => new URL(request.url).pathname)
      .filter((path) => !/^\/(assets\/|icons\/|manifest\.webmanifest$|$)/.test(path));
  });
  assert.deepEqual(kept, [], 'nothing but the shell is kept');
  await context.close();
});
