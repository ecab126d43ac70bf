/** A finger that rests, as screens tell of it: nothing is made of it that only a browser on a desk would make. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PHONE } from './browser.mjs';
import { bench } from './harness.mjs';

const visit = bench();
const FINGER = { size: PHONE, touch: true };
/** Longer than what counts as resting. */
const HELD_MS = 700;

async function rest(page, target) {
  const { x, y, width, height } = await target.boundingBox();
  const cdp = await page.context().newCDPSession(page);
  const at = { x: x + width / 2, y: y + height / 2 };
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [at] });
  await page.waitForTimeout(HELD_MS);
  await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  await cdp.detach();
  // What closes a menu does so right after that.
  await page.waitForTimeout(200);
}

test('a finger that rests on a chat opens its menu and not the chat', () =>
  visit(
    '/?quiet#/',
    async (page) => {
      const row = page.locator('#chats a').first();
      await row.waitFor();
      await rest(page, row);
      const menu = page.getByRole('menu');
      assert.equal(await menu.count(), 1);
      assert.equal(await page.evaluate(() => location.hash), '#/');
      await menu.getByRole('menuitem', { name: /Mute/ }).tap();
      await menu.waitFor({ state: 'detached' });
      // The next one is a tap like any other.
      await row.tap();
      await page.locator('#composer').waitFor();
    },
    FINGER,
  ));

test('a finger that rests on a message opens its menu, which a tap beside it closes', () =>
  visit(
    '/?quiet#/chat/chatwalk',
    async (page) => {
      const bubble = page.locator('.bubble').last();
      await bubble.waitFor();
      await rest(page, bubble);
      const menu = page.getByRole('menu');
      assert.equal(await menu.count(), 1);
      await page.touchscreen.tap(5, 300);
      await menu.waitFor({ state: 'detached' });
      await rest(page, bubble);
      await menu.getByRole('menuitem', { name: 'Reply' }).tap();
      await page
        .getByText(/Reply to/)
        .first()
        .waitFor();
    },
    FINGER,
  ));
