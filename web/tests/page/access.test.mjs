import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESKTOP, PHONE } from './browser.mjs';
import { drawing } from './files.mjs';
import { bench, memory } from './harness.mjs';

const visit = bench();
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** Those of them that look at colours. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

const files = async (page) =>
  page.locator('input[data-kind=media]').setInputFiles([
    { name: 'a.png', mimeType: 'image/png', buffer: await drawing(page, '#7799aa') },
    { name: 'empty.png', mimeType: 'image/png', buffer: Buffer.alloc(0) },
  ]);
const failing = async (page) => {
  await page.evaluate(() => {
    window.memory.media.failDownloads.set('*', { code: 'tampered', message: '' });
    window.memory.media.failUploads = { code: 'tooLarge', message: '' };
    location.hash = '#/chat/chatwalk';
  });
  await page.getByRole('button', { name: /Save Tide/ }).click();
  await files(page);
  await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
};

const choose = async (page, text, item) => {
  await page.locator('.bubble', { hasText: text }).last().click({ button: 'right' });
  await page.getByRole('menuitem', { name: item, exact: true }).click();
};
const tell = (page, event) => memory(page, (core, event) => core.tell(event), event);

const SCREENS = {
  login: ['/?state=loggedOut', 'form'],
  loginCleared: ['/?state=cleared', 'form'],
  linking: ['/?state=linking', 'svg[role=img]'],
  starting: ['/?core=never', '[role=status]'],
  blocked: ['/?core=storage', '[role=alert]'],
  blockedByTab: ['/?core=otherTab', '[role=alert]'],
  chats: ['/', '.avatar'],
  archive: ['/#/archive', '#chats a'],
  found: ['/', '.results h2', (page) => page.getByPlaceholder('Search').fill('the')],
  foundNothing: ['/', '.nothing', (page) => page.getByPlaceholder('Search').fill('zzzz')],
  listMenu: ['/', '[role=menu]', (page) => page.getByRole('button', { name: 'Menu', exact: true }).click()],
  chatMenu: ['/', '[role=menu]', (page) => page.locator('#chats a').first().click({ button: 'right' })],
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
  info: ['/#/chat/chatflat', 'dialog h3', (page) => choose(page, 'I take over at ten', 'Message info')],
  confirm: ['/#/chat/chatflat', 'dialog footer', (page) => choose(page, 'I take over', 'Delete for everyone')],
  person: [
    '/#/chat/chatflat',
    'dialog .avatar',
    (page) => page.locator('.bubble').getByRole('button', { name: 'Ben Okafor' }).first().click(),
  ],
  join: ['/#/join/k3v9-sample', 'dialog footer'],
  linkAsked: ['/', 'dialog footer', (page) => tell(page, { type: 'linkAsked', device: 3 })],
  linkCode: ['/', 'dialog .code', (page) => tell(page, { type: 'linkCode', device: 3, code: '204 913' })],
  linkEnded: [
    '/',
    'dialog [role=status]',
    async (page) => {
      await tell(page, { type: 'linkAsked', device: 3 });
      await tell(page, { type: 'linkEnded', device: 3, failure: { code: 'refused', message: '' } });
    },
  ],
  emoji: ['/#/chat/chatada', '.picker button', (page) => page.getByRole('button', { name: 'Emoji' }).click()],
  switcher: ['/#/chat/chatada', '#switcher li', (page) => page.keyboard.press('Control+k')],
  shortcuts: ['/', 'dialog kbd', (page) => page.keyboard.press('Control+/')],
  safety: ['/#/chat/chatada/details', '.digits', (page) => page.getByRole('button', { name: /Safety number/ }).click()],
  media: ['/?quiet#/chat/chatwalk', '[data-key=m7] img.whole'],
  mediaFailed: ['/?quiet#/chat/chatada', '[data-key^=t] .failed', failing],
  attach: ['/?quiet#/chat/chatwalk', '[role=menu]', (page) => page.getByRole('button', { name: 'Attach' }).click()],
  tray: ['/?quiet#/chat/chatwalk', 'dialog .refused', files],
  recording: [
    '/?quiet#/chat/chatwalk',
    '.dot.on',
    (page) => page.getByRole('button', { name: 'Record a voice message' }).click(),
  ],
  viewer: [
    '/?quiet#/chat/chatwalk',
    'dialog img.whole',
    (page) => page.getByRole('button', { name: 'Open picture 1 of 2' }).click(),
  ],
  playing: [
    '/?quiet#/chat/chatwalk',
    '.rate',
    (page) => page.locator('[data-key=m6]').getByRole('button', { name: 'Play voice message' }).click(),
  ],
  gallery: ['/?quiet#/chat/chatwalk/details/media', '.end .tile'],
  galleryFiles: [
    '/?quiet#/chat/chatwalk/details/media',
    '.end .document',
    (page) => page.getByRole('tab', { name: 'Files' }).click(),
  ],
  mediaRtl: ['/?quiet&dir=rtl#/chat/chatwalk', '[data-key=m7] img.whole'],
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
          await settled(page);
          assert.deepEqual(await violations(page, { type: 'tag', values: TAGS }), [], 'light');
          await page.emulateMedia({ colorScheme: 'dark' });
          await settled(page);
          // Only colours differ.
          assert.deepEqual(await violations(page, { type: 'rule', values: COLOUR_RULES }), [], 'dark');
        },
        { size },
      ));
  }
}

/** Until colours have stopped fading. */
async function settled(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.waitForFunction(
    () => !document.getAnimations().some((fade) => fade instanceof CSSTransition && fade.playState === 'running'),
  );
}

function violations(page, runOnly) {
  return page.evaluate(async (runOnly) => {
    const result = await window.axe.run(document, { runOnly, resultTypes: ['violations'] });
    const told = (node) => `${node.html.slice(0, 140)} [${node.any[0]?.message ?? ''}]`;
    return result.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(told).join(' | ')}`);
  }, runOnly);
}
