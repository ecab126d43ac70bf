import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, open } from './browser.mjs';
import { serve } from './server.mjs';

/**
 * One server and one browser for a file of tests, or for those described together; `visit` opens a page over sample data and
 * fails on any fault of it. `flags` are the browser's, beside the usual ones.
 */
export function bench(flags) {
  let server;
  let browser;
  before(async () => {
    server = await serve(fileURLToPath(new URL('../../dist-dev', import.meta.url)));
    browser = await launch(flags);
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });
  return async function visit(path, act, options) {
    const { page, context, faults } = await open(browser, server.address + path, options);
    page.setDefaultTimeout(10_000);
    try {
      await act(page);
      if (faults.length > 0) throw new Error(`the page complained: ${faults.join('; ')}`);
    } finally {
      await context.close();
    }
  };
}

/** What has the focus, as a reader of the screen would call it. */
export function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent?.trim().replace(/\s+/g, ' ').slice(0, 80) ?? '';
  });
}

/** Calls the core in memory. */
export function memory(page, act, value) {
  return page.evaluate(`(${act})(window.memory, ${JSON.stringify(value ?? null)})`);
}
