import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, focused } from './harness.mjs';

const visit = bench();
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const where = (locator) => locator.evaluate((node) => node.getBoundingClientRect().left);
/** Presses a key that goes to the left or to the right, and fails if the focus goes elsewhere or stays. */
async function goes(page, key, expected) {
  const before = await page.evaluate(() => document.activeElement.getBoundingClientRect().left);
  await press(page, key);
  const after = await page.evaluate(() => document.activeElement.getBoundingClientRect().left);
  assert.ok(key === 'ArrowLeft' ? after < before : after > before, `${key} goes from ${before} to ${after}`);
  if (expected) assert.equal(await focused(page), expected);
}

for (const [dir, forward, back] of [
  ['ltr', 'ArrowRight', 'ArrowLeft'],
  ['rtl', 'ArrowLeft', 'ArrowRight'],
]) {
  test(`in the viewer the arrow that points to a picture goes to it, ${dir}`, () =>
    visit(`/?quiet&dir=${dir}#/chat/chatwalk`, async (page) => {
      await page.getByRole('button', { name: 'Open picture 1 of 2' }).click();
      const viewer = page.getByRole('dialog');
      const picture = (number) => viewer.getByRole('img', { name: `Picture ${number} of 9` }).waitFor();
      await picture(8);
      const later = viewer.getByRole('button', { name: 'Later picture or video' });
      const earlier = viewer.getByRole('button', { name: 'Earlier picture or video' });
      const [laterAt, earlierAt] = [await where(later), await where(earlier)];
      assert.equal(laterAt > earlierAt, dir === 'ltr', 'the button of the later one lies where one reads on');
      await press(page, forward);
      await picture(9);
      await press(page, forward);
      await picture(9);
      await press(page, back);
      await picture(8);
    }));

  test(`in the emoji picker the arrows go where they point, ${dir}`, () =>
    visit(`/?quiet&dir=${dir}#/chat/chatada`, async (page) => {
      await page.getByRole('button', { name: 'Emoji' }).click();
      await page.getByPlaceholder('Search emoji').waitFor();
      await press(page, 'ArrowDown');
      const first = await focused(page);
      await goes(page, forward);
      await goes(page, forward);
      await goes(page, back);
      await goes(page, back, first);
      await press(page, back);
      await page.waitForFunction(() => document.activeElement?.matches('input'));
    }));

  test(`in a message the arrows go where they point, ${dir}`, () =>
    visit(`/?quiet&dir=${dir}#/chat/chatwalk`, async (page) => {
      await page.waitForFunction(() => document.activeElement?.id === 'composer');
      await page.locator('[data-key=m7] img.whole').nth(1).waitFor();
      await press(page, 'Shift+Tab', 'Shift+Tab', 'ArrowUp');
      await page.waitForFunction(() => document.activeElement?.dataset.key === 'm7');
      await press(page, forward, forward);
      assert.equal(await focused(page), 'Open picture 1 of 2');
      await goes(page, forward, 'Open picture 2 of 2');
      await goes(page, back, 'Open picture 1 of 2');
      await press(page, back, back);
      await page.waitForFunction(() => document.activeElement?.dataset.key === 'm7');
    }));

  test(`among the quick reactions the arrows go where they point, ${dir}`, () =>
    visit(`/?quiet&dir=${dir}#/chat/chatada`, async (page) => {
      await page.locator('.bubble').last().click({ button: 'right' });
      await page.getByRole('menu').waitFor();
      assert.equal(await focused(page), 'React with 👍');
      await goes(page, forward, 'React with ❤️');
      await goes(page, forward, 'React with 😂');
      await goes(page, back, 'React with ❤️');
    }));
}
