/** Pictures of the main screens, to be looked at: `node tests/page/look.mjs FOLDER`. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, open, PHONE } from './browser.mjs';
import { serve } from './server.mjs';

const folder = process.argv[2] ?? 'pictures';
const only = process.argv[3];
await mkdir(folder, { recursive: true });
const server = await serve(fileURLToPath(new URL('../../dist-dev', import.meta.url)));
const browser = await launch();

const SCREENS = {
  login: ['?state=loggedOut', ''],
  linking: ['?state=linking', ''],
  chats: ['', ''],
  direct: ['', '#/chat/chatada'],
  group: ['', '#/chat/chatflat'],
  details: ['', '#/chat/chatflat/details'],
  waiting: ['', '#/chat/chatemil'],
  settings: ['', '#/settings'],
  look: ['', '#/settings/look'],
  devices: ['', '#/settings/devices'],
  newchat: ['', '#/new'],
  newgroup: ['', '#/group'],
  hostile: ['?hostile', '#/chat/chatevil'],
  rtl: ['?dir=rtl', '#/chat/chatada'],
  walk: ['', '#/chat/chatwalk'],
  walkup: ['', '#/chat/chatwalk', async (page) => page.locator('.scroller').evaluate((node) => (node.scrollTop = 0))],
  walkrtl: ['?dir=rtl', '#/chat/chatwalk'],
  viewer: ['', '#/chat/chatwalk', async (page) => page.locator('[data-key=m7] .open').first().click()],
  walkdetails: ['', '#/chat/chatwalk/details'],
  gallery: ['', '#/chat/chatwalk/details/media'],
  galleryfiles: [
    '',
    '#/chat/chatwalk/details/media',
    async (page) => page.getByRole('tab', { name: 'Files' }).click(),
  ],
  attach: ['', '#/chat/chatwalk', async (page) => page.getByRole('button', { name: 'Attach' }).click()],
  menu: ['', '#/chat/chatada', async (page) => page.locator('[data-key=m9] .bubble').click({ button: 'right' })],
  emoji: ['', '#/chat/chatada', async (page) => page.getByRole('button', { name: 'Emoji' }).click()],
  switcher: ['', '#/chat/chatada', async (page) => page.keyboard.press('Control+k')],
  shortcuts: ['', '', async (page) => page.keyboard.press('Control+/')],
  safety: ['', '#/chat/chatada/details', async (page) => page.getByRole('button', { name: /Safety number/ }).click()],
};

for (const [name, [query, hash, act]] of Object.entries(SCREENS)) {
  if (only && !only.split(',').includes(name)) continue;
  for (const theme of ['light', 'dark']) {
    for (const [kind, size] of Object.entries({ phone: PHONE, desktop: DESKTOP })) {
      const { page, context, faults } = await open(browser, `${server.address}/${query}${hash}`, {
        size,
        theme,
        touch: kind === 'phone',
      });
      await page.waitForTimeout(500);
      if (act) await act(page).catch((error) => faults.push(error.message));
      await page.waitForTimeout(300);
      await page.screenshot({ path: `${folder}/${name}-${kind}-${theme}.png` });
      if (faults.length > 0) console.log(name, kind, theme, faults.slice(0, 3));
      await context.close();
    }
  }
}
await browser.close();
server.close();
