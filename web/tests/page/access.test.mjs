import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESKTOP, PHONE } from './browser.mjs';
import { bench } from './harness.mjs';

const visit = bench();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const SCREENS = {
  login: ['/?state=loggedOut', 'form'],
  linking: ['/?state=linking', 'svg[role=img]'],
  chats: ['/', '.avatar'],
  direct: ['/#/chat/chatada', '.bubble'],
  group: ['/#/chat/chatflat', '.bubble'],
  identity: ['/#/chat/chatemil', '.alarm'],
  details: ['/#/chat/chatflat/details', '.end .avatar.xl'],
  settings: ['/#/settings', '.me'],
  profile: ['/#/settings/profile', 'form'],
  privacy: ['/#/settings/privacy', 'fieldset'],
  look: ['/#/settings/look', '.themes'],
  devices: ['/#/settings/devices', 'li .button'],
  link: ['/#/settings/link', 'form'],
  storage: ['/#/settings/storage', 'progress'],
  notifications: ['/#/settings/notifications', '[role=switch]'],
  new: ['/#/new', 'li button'],
  newGroup: ['/#/group', 'li button'],
  menu: ['/#/chat/chatada', '[role=menu]', (page) => page.locator('.bubble').last().click({ button: 'right' })],
  emoji: ['/#/chat/chatada', '.picker button', (page) => page.getByRole('button', { name: 'Emoji' }).click()],
  switcher: ['/#/chat/chatada', '#switcher li', (page) => page.keyboard.press('Control+k')],
  shortcuts: ['/', 'dialog kbd', (page) => page.keyboard.press('Control+/')],
  safety: ['/#/chat/chatada/details', '.digits', (page) => page.getByRole('button', { name: /Safety number/ }).click()],
  rtl: ['/?dir=rtl#/chat/chatilan', '.bubble'],
};

for (const [name, [path, ready, act]] of Object.entries(SCREENS)) {
  for (const [kind, size] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
    test(`axe finds nothing: ${name}, ${kind}`, () =>
      visit(
        path,
        async (page) => {
          if (act) {
            await page.locator('.bubble, .avatar').first().waitFor({ state: 'attached' });
            await act(page);
          }
          await page.locator(ready).first().waitFor({ state: 'attached' });
          // Through the debugger, since the policy of the page lets no foreign script in.
          await page.evaluate(axe);
          for (const theme of ['light', 'dark']) {
            await page.emulateMedia({ colorScheme: theme });
            // Until colours have stopped fading.
            await page.waitForTimeout(250);
            assert.deepEqual(await violations(page), [], theme);
          }
        },
        { size },
      ));
  }
}

function violations(page) {
  return page.evaluate(async (tags) => {
    const result = await window.axe.run(document, {
      runOnly: { type: 'tag', values: tags },
      resultTypes: ['violations'],
    });
    const told = (node) => `${node.html.slice(0, 140)} [${node.any[0]?.message ?? ''}]`;
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(told).join(' | ')}`);
  }, TAGS);
}
