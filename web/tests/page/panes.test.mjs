import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench } from './harness.mjs';

const visit = bench();
const LIST = 'Chats';
const CHAT = 'Conversation';
const DETAILS = 'Details';

/** The widths at which the panes change, and both sides of each. */
const HEIGHT = 800;
const ONE = [390, 719];
const TWO = [720, 1099];
const THREE = [1100, 1280];
/** What is on the screen, in the order in which it is read, by what the address says. */
const LAYOUTS = {
  '': { one: [LIST], two: [LIST, CHAT], three: [LIST, CHAT] },
  '#/settings': { one: [LIST], two: [LIST, CHAT], three: [LIST, CHAT] },
  '#/chat/chatflat': { one: [CHAT], two: [LIST, CHAT], three: [LIST, CHAT] },
  '#/chat/chatflat/details': { one: [DETAILS], two: [LIST, DETAILS], three: [LIST, CHAT, DETAILS] },
};

const region = (page, name) => page.getByRole('region', { name, exact: true });

/** The panes with an area on the screen, from left to right. */
async function seen(page) {
  const panes = [];
  for (const name of [LIST, CHAT, DETAILS]) {
    const pane = region(page, name);
    const box = (await pane.count()) > 0 ? await pane.boundingBox() : null;
    if (box && box.width > 0 && box.height > 0) panes.push({ name, ...box });
  }
  return panes.sort((one, other) => one.x - other.x);
}

/** What reaches beyond its box sideways, and what a reader would have to scroll to. Code and clipped names may. */
function overflowing(page) {
  return page.evaluate(() => {
    const told = (node) => `${node.tagName} ${node.className} ${node.scrollWidth} > ${node.clientWidth}`;
    const found = [...document.querySelectorAll('html, body, #app, main, section, .scroller, .scroll, .body')]
      .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth)
      .map(told);
    if (document.documentElement.scrollWidth > innerWidth) found.push('the page');
    const kept = 'pre, pre *, .unseen, .clip, .clip *';
    for (const node of document.querySelectorAll('section *')) {
      if (!node.checkVisibility() || node.matches(kept)) continue;
      const pane = node.closest('section').getBoundingClientRect();
      const { left, right, width } = node.getBoundingClientRect();
      if (width > 0 && (left < pane.left - 1 || right > pane.right + 1)) found.push(node.outerHTML.slice(0, 100));
    }
    return found;
  });
}

/** The panes lie side by side in the order of reading, and fill the screen. */
async function assertPanes(page, width, dir, panes) {
  const shown = await seen(page);
  const order = shown.map(({ name }) => name);
  assert.deepEqual(dir === 'rtl' ? order.reverse() : order, panes, `${width} px`);
  let edge = 0;
  for (const { name, x, y, width, height } of shown) {
    assert.ok(Math.abs(x - edge) < 1, `${name} begins where the one before ends`);
    assert.ok(y === 0 && Math.abs(height - HEIGHT) < 1, `${name} is as high as the screen`);
    edge = x + width;
  }
  assert.ok(Math.abs(edge - width) < 1, `${edge} of ${width} px are filled`);
}

for (const dir of ['ltr', 'rtl']) {
  for (const [at, { one, two, three }] of Object.entries(LAYOUTS)) {
    test(`one, two or three panes, as many as there is room for: ${dir}, ${at || 'no chat'}`, () =>
      visit(
        `/?quiet&dir=${dir}${at}`,
        async (page) => {
          await region(page, three.at(-1)).waitFor();
          await page.locator('.bubble, .avatar').first().waitFor();
          for (const [widths, panes] of [
            [THREE, three],
            [TWO, two],
            [ONE, one],
          ]) {
            for (const width of widths) {
              await page.setViewportSize({ width, height: HEIGHT });
              await assertPanes(page, width, dir, panes);
              assert.deepEqual(await overflowing(page), [], `${width} px`);
            }
          }
        },
        { size: { width: 1280, height: HEIGHT } },
      ));
  }

  test(`nothing overflows sideways on a narrow phone, whatever is in it: ${dir}`, () =>
    visit(
      `/?quiet&hostile&dir=${dir}`,
      async (page) => {
        for (const at of ['chatwalk', 'chatwalk/details', 'chatwalk/details/media', 'chatevil', 'chatevil/details']) {
          await page.evaluate((at) => (location.hash = `#/chat/${at}`), at);
          const pane = region(page, at.includes('/') ? DETAILS : CHAT);
          await pane.locator('.bubble, .avatar, .tile').first().waitFor();
          assert.deepEqual(await overflowing(page), [], at);
        }
      },
      { size: { width: 320, height: 640 } },
    ));
}
