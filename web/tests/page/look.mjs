/** Pictures of the main screens, to be looked at: `node tests/page/look.mjs FOLDER`. */
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { DESKTOP, launch, open, PHONE } from './browser.mjs';
import { drawing, hand, photo } from './files.mjs';
import { serve } from './server.mjs';

const folder = process.argv[2] ?? 'pictures';
const only = process.argv[3];
await mkdir(folder, { recursive: true });
const server = await serve(fileURLToPath(new URL('../../dist-dev', import.meta.url)));
const browser = await launch();

const chosen = async (page, kind, count) => {
  const files = [];
  for (let index = 0; index < count; index += 1)
    files.push({ name: `IMG_${2040 + index}.jpg`, mimeType: 'image/jpeg', buffer: await photo(page) });
  if (kind === 'document')
    files.push({ name: 'Notes about the walk.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(90_000) });
  await page.locator(`input[data-kind=${kind}]`).setInputFiles(files);
};

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
  galleryfiles: ['', '#/chat/chatwalk/details/media', async (page) => page.getByRole('tab', { name: 'Files' }).click()],
  tray: ['', '#/chat/chatwalk', (page) => chosen(page, 'media', 5)],
  trayone: ['', '#/chat/chatwalk', (page) => chosen(page, 'media', 1)],
  trayfiles: ['', '#/chat/chatwalk', (page) => chosen(page, 'document', 2)],
  drop: [
    '',
    '#/chat/chatwalk',
    async (page) => hand(page, 'dragenter', [{ name: 'a.png', type: 'image/png', bytes: await drawing(page, '#f00') }]),
  ],
  recording: [
    '',
    '#/chat/chatwalk',
    async (page) => {
      await page.getByRole('button', { name: 'Record a voice message' }).click();
      await page.waitForTimeout(4500);
    },
  ],
  sending: [
    '',
    '#/chat/chatwalk',
    async (page) => {
      await page.evaluate(() => (window.memory.media.paceMs = 900));
      for (const [kind, count] of [
        ['media', 3],
        ['document', 0],
      ]) {
        await chosen(page, kind, count);
        await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
      await page.waitForTimeout(900);
    },
  ],
  failing: [
    '',
    '#/chat/chatada',
    async (page) => {
      await page.evaluate(() => {
        window.memory.media.failDownloads.set('*', { code: 'tampered', message: '' });
        window.memory.media.failUploads = { code: 'limitReached', message: '' };
        location.hash = '#/chat/chatwalk';
      });
      await page.locator('.bubble').last().waitFor();
      await page.getByRole('button', { name: /Save Tide/ }).click();
      await chosen(page, 'media', 1);
      await page.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click();
      await page.waitForTimeout(1200);
    },
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
