import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, focused } from './harness.mjs';

const visit = bench();
const press = async (page, ...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};
const chatIs = (page, id) => page.waitForFunction((id) => location.hash.startsWith(`#/chat/${id}`), id);

test('goes through chats, messages and menus by keys alone', () =>
  visit('/', async (page) => {
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
    // Skip link, new chat, menu, search, then the list.
    const stops = [];
    for (let step = 0; step < 5; step += 1) {
      await press(page, 'Tab');
      stops.push(await focused(page));
    }
    assert.deepEqual(stops.slice(0, 4), ['Skip to the conversation', 'New chat', 'Menu', 'Search']);
    assert.match(stops[4], /^AL?.*Ada Lindqvist/);
    await press(page, 'ArrowDown');
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('Harbour Street'));
    await press(page, 'ArrowUp');
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('Ada Lindqvist'));
    await press(page, 'Enter');
    await chatIs(page, 'chatada');
    await page.waitForFunction(() => document.activeElement?.id === 'composer');

    // Up in the empty field edits the last message that is one's own; Esc lets go of it.
    await press(page, 'ArrowUp');
    await page.waitForFunction(() => document.activeElement?.value === 'Fine. But only because it is you');
    await press(page, 'Escape');
    await page.waitForFunction(() => document.activeElement?.value === '');

    // Back to the messages, up two of them, open the menu, choose the first thing, close.
    await press(page, 'Shift+Tab', 'Shift+Tab');
    await page.waitForFunction(() => document.activeElement?.matches('[data-key]'));
    await press(page, 'ArrowUp', 'ArrowUp', 'ArrowUp');
    await press(page, 'Enter');
    await page.getByRole('menu').waitFor();
    assert.equal(await focused(page), 'React with 👍');
    await press(page, 'Escape');
    await page.getByRole('menu').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.matches('[data-key]'));
    await press(page, 'Escape');
    await page.waitForFunction(() => location.hash === '#/');
  }));

test('a frame that comes late takes the focus from nobody', () =>
  visit('/?quiet', async (page) => {
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
    // As on a machine that is busy with something else.
    await page.evaluate(() => {
      const frame = window.requestAnimationFrame.bind(window);
      window.requestAnimationFrame = (then) => setTimeout(() => frame(then), 1000);
    });
    await page.locator('#chats a').first().focus();
    await press(page, 'ArrowDown', 'Enter');
    await chatIs(page, 'chatflat');
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
    await press(page, 'ArrowUp');
    await page.waitForFunction(() => document.activeElement?.value !== '');
    await press(page, 'Escape', 'Shift+Tab', 'Shift+Tab');
    await page.waitForFunction(() => document.activeElement?.matches('[data-key]'));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.ok(await page.evaluate(() => document.activeElement?.matches('[data-key]')));
    assert.equal(await page.locator('#composer').inputValue(), '');
  }));

test('Alt and the arrows go between chats', () =>
  visit('/#/chat/chatada', async (page) => {
    await page.locator('#composer').waitFor();
    await press(page, 'Alt+ArrowDown');
    await chatIs(page, 'chatflat');
    await press(page, 'Alt+ArrowDown');
    await chatIs(page, 'chatemil');
    await press(page, 'Alt+ArrowUp', 'Alt+ArrowUp', 'Alt+ArrowUp');
    await chatIs(page, 'chatada');
  }));

test('Ctrl+K goes to a chat', () =>
  visit('/#/chat/chatada', async (page) => {
    await page.locator('#composer').waitFor();
    await press(page, 'Control+k');
    await page.getByRole('combobox').waitFor();
    assert.equal(await focused(page), 'Name of a chat');
    await page.keyboard.type('harb');
    await press(page, 'Enter');
    await chatIs(page, 'chatflat');
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
  }));

test('Ctrl+/ lists the shortcuts, Esc closes it and gives the focus back', () =>
  visit('/#/chat/chatada', async (page) => {
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
    await press(page, 'Control+/');
    await page.getByRole('dialog').getByText('Previous chat').waitFor();
    await press(page, 'Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
  }));

test('nothing that has the focus is without a sign of it', () =>
  visit('/#/chat/chatflat/details', async (page) => {
    await page.getByRole('region', { name: 'Details' }).getByText('Add people').waitFor();
    const plain = [];
    for (let step = 0; step < 40; step += 1) {
      await press(page, 'Tab');
      const sign = await page.evaluate(() => {
        const node = document.activeElement;
        if (!node || node === document.body) return 'end';
        const shown = (element) => element && getComputedStyle(element).outlineStyle !== 'none';
        const box = node.closest('.box');
        return shown(node) ||
          (box && getComputedStyle(box).borderColor !== getComputedStyle(document.documentElement).borderColor)
          ? ''
          : node.outerHTML.slice(0, 120);
      });
      if (sign === 'end') break;
      if (sign) plain.push(sign);
    }
    assert.deepEqual(plain, []);
  }));

test('what is in a message is reached by keys, and the way through the messages stays', () =>
  visit('/?quiet#/chat/chatwalk', async (page) => {
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
    const isRow = (key) => page.waitForFunction((key) => document.activeElement?.dataset.key === key, key);
    const stops = async () => page.locator('ol [tabindex="0"]').count();
    // One stop for all messages while the focus is elsewhere.
    assert.equal(await stops(), 1);
    await press(page, 'Shift+Tab', 'Shift+Tab');
    await isRow('m8');
    await press(page, 'ArrowUp');
    await isRow('m7');
    // Two pictures and a link, by arrow keys and back.
    await page.locator('[data-key=m7] img.whole').nth(1).waitFor();
    const seen = [];
    for (let step = 0; step < 3; step += 1) {
      await press(page, 'ArrowRight');
      seen.push(await focused(page));
    }
    assert.deepEqual(seen, ['Hana Kobayashi', 'Open picture 1 of 2', 'Open picture 2 of 2']);
    await press(page, 'ArrowRight');
    assert.equal(await focused(page), 'https://example.org/flats');
    await press(page, 'ArrowLeft');
    await press(page, 'Enter');
    await page.getByRole('dialog').getByRole('img', { name: 'Picture 9 of 9' }).waitFor();
    await press(page, 'Escape');
    await page.waitForFunction(() => document.activeElement?.textContent.trim() === 'Open picture 2 of 2');
    await press(page, 'Escape');
    await isRow('m7');
    // The tab key goes through them too, and on to the next thing after the last.
    await press(page, 'Tab', 'Tab', 'Tab', 'Tab');
    assert.equal(await focused(page), 'https://example.org/flats');
    await press(page, 'Tab');
    await page.waitForFunction(() => !document.activeElement?.closest('ol'));
    await press(page, 'Shift+Tab');
    await isRow('m7');
    // Up and down go on from within; a voice is played; a reaction is taken back.
    await press(page, 'ArrowRight', 'ArrowUp');
    await isRow('m6');
    await press(page, 'ArrowRight');
    assert.equal(await focused(page), 'Play voice message');
    await press(page, 'Enter');
    await page.locator('[data-key=m6]').getByRole('button', { name: 'Pause' }).waitFor();
    await press(page, 'ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp');
    await isRow('m2');
    await page.locator('[data-key=m2] img.whole').nth(3).waitFor();
    await press(page, 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight');
    assert.match(await focused(page), /^😮/);
    await press(page, 'Enter');
    await page.locator('[data-key=m2]').getByRole('button', { name: /😮 3/ }).waitFor();
  }));

test('who has the focus on the ring of a download goes on with the picture', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
    await page.evaluate(() => {
      window.memory.media.paceMs = 500;
      location.hash = '#/chat/chatwalk';
    });
    const ring = page.locator('[data-key=m7] button[aria-label="Stop loading"]').first();
    await ring.focus();
    await page.locator('[data-key=m7] img.whole').nth(1).waitFor();
    assert.equal(await focused(page), 'Open picture 1 of 2');
  }));

test('files are chosen, looked at and sent by keys alone', () =>
  visit('/?quiet#/chat/chatwalk', async (page) => {
    // Early: the browser asks the person until it knows that it is to ask here.
    const chooser = page.waitForEvent('filechooser', { timeout: 60_000 });
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
    await press(page, 'Tab');
    assert.equal(await focused(page), 'Attach');
    await press(page, 'Enter');
    await page.getByRole('menu').waitFor();
    assert.equal(await focused(page), 'Pictures and videos');
    await press(page, 'ArrowDown');
    await press(page, 'Enter');
    const files = ['one.txt', 'two.txt'].map((name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(name) }));
    await (await chooser).setFiles(files);
    await page.getByRole('dialog').waitFor();
    await page.waitForFunction(() => document.activeElement?.matches('dialog textarea'));
    await press(page, 'Shift+Tab', 'Shift+Tab');
    assert.equal(await focused(page), 'Remove two.txt');
    await press(page, 'Enter');
    await page.keyboard.type('the first');
    await press(page, 'Enter');
    await page.locator('[data-key=m9]').getByText('the first').waitFor();
    await page.waitForFunction(() => document.activeElement?.id === 'composer');
  }));
