/** Pictures of groups and people: chosen, shown where they are, removed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawing, photo } from './files.mjs';
import { bench, focused, memory } from './harness.mjs';

const visit = bench();
const DETAILS = '/?quiet#/chat/chatwalk/details';
const details = (page) => page.getByRole('region', { name: 'Details' });
const button = (page) => details(page).getByRole('button', { name: 'Picture of the group' });
const choose = (page, file) => page.locator('input[data-kind=face]').setInputFiles([file]);
const item = (page, name) => page.getByRole('menuitem', { name, exact: true });
/** Where a chat has its picture: in the list, above the conversation, in its details. */
const PLACES = ['nav a[href="#/chat/chatwalk"] .avatar', 'header .avatar', '.avatar.xl'];
/** Waits until every place shows a picture, or none does. */
const shows = (page, count) =>
  page.waitForFunction(
    ([places, count]) =>
      places.every((place) => {
        const images = [...document.querySelectorAll(`${place} img[src]`)];
        return images.length === count && images.every((image) => image.complete && image.naturalWidth > 0);
      }),
    [PLACES, count],
  );
const sizes = (page) =>
  page.evaluate(
    (places) =>
      places.map((place) => {
        const { x, width, height } = document.querySelector(place).getBoundingClientRect();
        return [x, width, height].map(Math.round).join(' ');
      }),
    PLACES,
  );

test('a picture is chosen, shown wherever the group is, replaced and removed', () =>
  visit(DETAILS, async (page) => {
    await button(page).waitFor();
    await shows(page, 0);
    const before = await sizes(page);
    await button(page).click();
    assert.equal(await item(page, 'Remove picture').count(), 0, 'there is none');
    const chooser = page.waitForEvent('filechooser');
    await item(page, 'Choose picture').click();
    await (await chooser).setFiles([{ name: 'p.jpg', mimeType: 'image/jpeg', buffer: await photo(page) }]);
    await shows(page, 1);
    await page.getByText('You changed the picture').waitFor();
    // The row goes up, since something happened in the chat.
    assert.deepEqual(await sizes(page), before, 'it takes the same room');

    const sent = await memory(page, async (core) => [...(await core.chatPicture('chatwalk'))]);
    assert.ok(sent.length <= 8192);
    assert.doesNotMatch(Buffer.from(sent).toString('latin1'), /Exif|SECRET/, 'without the place');
    // The middle of what is turned: blue above, red below.
    const { side, colours } = await page.evaluate(async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const at = (y) => [...context.getImageData(bitmap.width / 2, Math.round(bitmap.height * y), 1, 1).data];
      return { side: [bitmap.width, bitmap.height], colours: [at(0.1), at(0.9)] };
    }, sent);
    assert.deepEqual(side, [256, 256]);
    assert.ok(colours[0][2] > 200 && colours[0][0] < 60, JSON.stringify(colours));
    assert.ok(colours[1][0] > 200 && colours[1][2] < 60, JSON.stringify(colours));

    const address = await page.locator(`${PLACES[0]} img`).getAttribute('src');
    await choose(page, { name: 'p.png', mimeType: 'image/png', buffer: await drawing(page, '#00ff00') });
    await page.waitForFunction(
      ([place, before]) => (document.querySelector(`${place} img[src]`)?.src ?? before) !== before,
      [PLACES[0], address],
    );
    await shows(page, 1);

    await page.keyboard.press('Control+k');
    await page.getByRole('option', { name: 'Estuary walk' }).locator('.avatar img[src]').waitFor();
    await page.keyboard.press('Escape');

    await button(page).click();
    await item(page, 'Remove picture').click();
    await shows(page, 0);
    assert.match(await page.locator(PLACES[2]).innerText(), /EW/, 'the letters are there again');
    assert.equal(await memory(page, (core) => core.chatPicture('chatwalk')), undefined);
  }));

test('a group has its picture from the beginning', () =>
  visit('/?quiet#/group', async (page) => {
    const side = page.locator('.side');
    await page.getByLabel('Name of the group').fill('Early birds');
    const make = async (paint) => {
      const chooser = page.waitForEvent('filechooser');
      await side.getByRole('button', { name: 'Picture of the group' }).click();
      await item(page, 'Choose picture').click();
      await (await chooser).setFiles([{ name: 'p.png', mimeType: 'image/png', buffer: await drawing(page, paint) }]);
    };
    await make('#00ff00');
    await side.locator('.avatar.xl img[src^=blob]').waitFor();
    await side.getByRole('button', { name: 'Picture of the group' }).click();
    await item(page, 'Remove picture').click();
    await side.locator('.avatar.xl img').waitFor({ state: 'detached' });
    await make('#00ff00');
    await side.locator('.avatar.xl img[src^=blob]').waitFor();
    await page.getByRole('button', { name: 'Create group' }).click();
    await page
      .getByRole('link', { name: /Early birds.*Details/ })
      .locator('.avatar img[src^=blob]')
      .waitFor();
    const [bytes] = await memory(page, async (core) => {
      const chat = location.hash.split('/')[2];
      return [(await core.chatPicture(chat)).length];
    });
    assert.ok(bytes > 50 && bytes <= 8192, String(bytes));
  }));

test('what is noisy is made to fit', () =>
  visit(DETAILS, async (page) => {
    await button(page).waitFor();
    const bytes = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(300, 280);
      const context = canvas.getContext('2d');
      const pixels = context.createImageData(300, 280);
      for (let at = 0; at < pixels.data.length; at += 65_536)
        crypto.getRandomValues(pixels.data.subarray(at, at + 65_536));
      for (let at = 3; at < pixels.data.length; at += 4) pixels.data[at] = 255;
      context.putImageData(pixels, 0, 0);
      return [...new Uint8Array(await (await canvas.convertToBlob()).arrayBuffer())];
    });
    await choose(page, { name: 'noise.png', mimeType: 'image/png', buffer: Buffer.from(bytes) });
    await shows(page, 1);
    const sent = await memory(page, async (core) => (await core.chatPicture('chatwalk')).length);
    assert.ok(sent > 500 && sent <= 8192, String(sent));
  }));

test('what is no picture is refused in words, and a picture without a connection waits', () =>
  visit(DETAILS, async (page) => {
    await button(page).waitFor();
    await choose(page, { name: 'p.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload=window.ran=1>') });
    await page.getByText('This file cannot be read as a picture here.').first().waitFor();
    await shows(page, 0);
    await memory(page, (core) => core.setConnection({ state: 'offline', why: 'test' }));
    await choose(page, { name: 'p.png', mimeType: 'image/png', buffer: await drawing(page, '#00ff00') });
    await page.getByText('The picture changes as soon as there is a connection.').first().waitFor();
  }));

test('who may not describe the group sees its picture and no button', () =>
  visit(DETAILS, async (page) => {
    await button(page).waitFor();
    await choose(page, { name: 'p.png', mimeType: 'image/png', buffer: await drawing(page, '#00ff00') });
    await shows(page, 1);
    await memory(page, (core) => {
      core.world.rooms.get('chatwalk').details.myRole = 'member';
      core.tell({ type: 'chat', chat: 'chatwalk' });
    });
    await button(page).waitFor({ state: 'detached' });
    await details(page).locator('.avatar.xl img[src]').waitFor();
  }));

test('by keyboard the menu opens, closes, and gives the focus back', () =>
  visit(DETAILS, async (page) => {
    await button(page).focus();
    await page.keyboard.press('Enter');
    await item(page, 'Choose picture').waitFor();
    assert.equal(await focused(page), 'Choose picture');
    await page.keyboard.press('Escape');
    await item(page, 'Choose picture').waitFor({ state: 'detached' });
    assert.equal(await focused(page), 'Picture of the group');
  }));

test('a hostile picture is not shown: the letters stay', () =>
  visit(DETAILS, async (page) => {
    await button(page).waitFor();
    // A page, and a JPEG that says it is 20000 pixels wide.
    const jpeg = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0x4e, 0x20, 0x4e, 0x20, 1, 1, 0x11, 0, 0xff, 0xd9];
    for (const hostile of [[...Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="ran=1"/>')], jpeg]) {
      const asked = await page.evaluate(async (bytes) => {
        const core = window.memory;
        const answered = new Promise((done) => {
          core.chatPicture = async () => {
            setTimeout(done, 100);
            return new Uint8Array(bytes);
          };
        });
        await core.setPicture('chatwalk', new Uint8Array(bytes));
        await answered;
        return document.querySelectorAll('.avatar img[src]').length;
      }, hostile);
      assert.equal(asked, 0);
    }
    assert.match(await page.locator(PLACES[2]).innerText(), /EW/);
    assert.equal(await page.evaluate(() => window.ran), undefined);
  }));

test('a person has a picture, and is shown with it everywhere', () =>
  visit('/?quiet#/settings/profile', async (page) => {
    const button = page.getByRole('button', { name: 'Your picture' });
    const image = page.locator('.side .avatar.xl img[src]');
    await button.click();
    assert.equal(await item(page, 'Remove picture').count(), 0, 'there is none');
    await page.keyboard.press('Escape');
    await choose(page, { name: 'p.jpg', mimeType: 'image/jpeg', buffer: await photo(page) });
    await image.waitFor();
    const sent = await memory(page, async (core) => [...(await core.personPicture(core.world.me))]);
    assert.ok(sent.length <= 8192);
    assert.doesNotMatch(Buffer.from(sent).toString('latin1'), /Exif|SECRET/, 'without the place');

    // Ada has the same: in the list, above the conversation, in its details, and beside what she says in a group.
    await memory(page, (core, bytes) => core.show('ada'.padEnd(26, '0'), new Uint8Array(bytes)), sent);
    await page.evaluate(() => (location.hash = '#/'));
    await page.locator('nav a[href="#/chat/chatada"] .avatar img[src]').waitFor();
    assert.equal(await page.locator('nav .avatar img[src]').count(), 1, 'nobody else has');
    await page.evaluate(() => (location.hash = '#/chat/chatada/details'));
    await page.locator('header .avatar img[src]').waitFor();
    await details(page).locator('.avatar.xl img[src]').waitFor();
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await page.locator('li:has-text("turn") .avatar img[src]').first().waitFor();

    await page.evaluate(() => (location.hash = '#/settings/profile'));
    await button.click();
    await item(page, 'Remove picture').click();
    await image.waitFor({ state: 'detached' });
    assert.equal(await memory(page, (core) => core.personPicture(core.world.me)), undefined);
  }));
