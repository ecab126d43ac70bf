import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';
import { PHONE } from './browser.mjs';

const visit = bench();

for (const options of [{}, { size: PHONE }]) {
  test(`hostile names, messages, file names and links run nothing${options.size ? ' on a phone' : ''}`, () =>
    visit(
      '/?hostile#/chat/chatevil/details',
      async (page) => {
        await page.locator('.end .about, .end .description').first().waitFor();
        await page.evaluate(() => (location.hash = '#/chat/chatevil'));
        await page.locator('.bubble').last().waitFor();
        await page.waitForTimeout(300);
        const found = await page.evaluate(() => ({
          ran: window.ran,
          // The app draws none of these from what people write.
          strange: document.querySelectorAll(
            '#app iframe, #app script, #app img, #app b, #app object, #app [onclick], #app [onerror], #app [onmouseover]',
          ).length,
          links: [...document.querySelectorAll('.bubble a')].map((link) => link.protocol),
          wide:
            document.documentElement.scrollWidth > innerWidth ||
            document.querySelector('.scroller').scrollWidth > document.querySelector('.scroller').clientWidth + 1,
        }));
        assert.equal(found.ran, undefined);
        assert.equal(found.strange, 0);
        assert.ok(
          found.links.length > 0 && found.links.every((protocol) => ['http:', 'https:', 'mailto:'].includes(protocol)),
          String(found.links),
        );
        assert.equal(found.wide, false, 'nothing hangs out at the side');
      },
      options,
    ));
}

test('the policy would stop what slipped through', () =>
  visit('/', async (page) => {
    await page.locator('.avatar').first().waitFor();
    const ran = await page.evaluate(() => {
      const image = document.createElement('div');
      image.innerHTML = '<img src="x:" onerror="window.ran=1">';
      document.body.append(image);
      return new Promise((done) => setTimeout(() => done(window.ran), 200));
    });
    assert.equal(ran, undefined);
  }).then(
    () => assert.fail('the policy must have complained'),
    (error) => assert.match(error.message, /Content Security Policy/i),
  ));

test('a hostile notification and reaction stay text', () =>
  visit('/?hostile#/chat/chatada', async (page) => {
    await page.locator('.bubble').last().waitFor();
    await memory(page, (core) =>
      core.change('chatada', 10, (message) => ({
        ...message,
        reactions: [{ emoji: '<img src=x onerror=window.ran=1>', users: ['x'], isOwn: false }],
      })),
    );
    await page.getByText('<img src=x onerror=window.ran=1>').waitFor();
    await memory(page, (core) => core.say('chatevil', 'gus'.padEnd(26, '0'), '<svg onload=window.ran=1>'));
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.ran), undefined);
  }));
