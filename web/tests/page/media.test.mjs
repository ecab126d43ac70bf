import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { PHONE } from './browser.mjs';
import { drawing, hand, photo } from './files.mjs';
import { bench, memory } from './harness.mjs';

const visit = bench();
const WALK = '/?quiet#/chat/chatwalk';
const last = (page) => page.locator('li[data-key] .bubble').last();
const attach = (page, kind, files) => page.locator(`input[data-kind=${kind}]`).setInputFiles(files);
const tray = (page) => page.getByRole('dialog', { name: /Send/ });
const ready = (page) => page.locator('.bubble').last().waitFor();
/** The ninth message has come to stand in the chat. */
const arrived = (page, count) =>
  page.waitForFunction((count) => {
    const { items } = window.memory.world.rooms.get('chatwalk');
    const message = items.at(-1);
    return items.length === 9 && message.body.files?.length === count && message.place.at !== undefined;
  }, count);
/** The newest message as the core has it, with what was sent. */
const sent = (page) =>
  page.evaluate(async () => {
    const { items } = window.memory.world.rooms.get('chatwalk');
    const { body } = items.at(-1);
    return Promise.all(
      body.files.map(async (file) => {
        const blob = await window.memory.world.files.get(file.id)();
        const bytes = [...new Uint8Array(await blob.arrayBuffer())];
        return { ...file, thumbnail: file.thumbnail?.length ?? 0, type: blob.type, bytes };
      }),
    );
  });
test('pictures are looked at, one is left out, and the rest goes with a caption', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await page.getByRole('textbox', { name: 'Message' }).fill('Look at *these*');
    await attach(page, 'media', [
      { name: 'IMG_1.JPG', mimeType: 'image/jpeg', buffer: await photo(page) },
      { name: 'no.png', mimeType: 'image/png', buffer: await drawing(page, '#123456') },
      { name: 'shot.png', mimeType: 'image/png', buffer: await drawing(page, '#654321') },
    ]);
    await tray(page).getByRole('listitem').nth(2).waitFor();
    await tray(page).getByRole('button', { name: 'Remove no.png' }).click();
    await tray(page).getByRole('heading', { name: 'Send 2 files' }).waitFor();
    assert.equal(await tray(page).getByRole('textbox', { name: 'Add a caption' }).inputValue(), 'Look at *these*');
    await page.keyboard.press('Enter');
    await tray(page).waitFor({ state: 'detached' });
    await arrived(page, 2);
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), '');
    await last(page).getByText('Look at these').waitFor();
    await last(page).getByRole('button', { name: 'Open picture 2 of 2' }).waitFor();

    const [camera, shot] = await sent(page);
    assert.equal(camera.kind, 'image');
    assert.deepEqual([camera.width, camera.height], [800, 1200], 'turned as it was held');
    assert.doesNotMatch(Buffer.from(camera.bytes).toString('latin1'), /Exif|SECRET/, 'without the place');
    assert.ok(camera.thumbnail > 60 && camera.thumbnail <= 8192, String(camera.thumbnail));
    assert.deepEqual([shot.mediaType, shot.name, shot.width], ['image/png', 'shot.png', 300]);
    // What was turned is blue above and red below.
    const colours = await page.evaluate(async (bytes) => {
      const bitmap = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }));
      const context = new OffscreenCanvas(800, 1200).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      return [100, 1100].map((y) => [...context.getImageData(400, y, 1, 1).data.slice(0, 3)]);
    }, camera.bytes);
    assert.ok(colours[0][2] > 200 && colours[1][0] > 200, JSON.stringify(colours));
  }));

test('who is named stays named in a caption, and others can be named there', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await page.getByRole('textbox', { name: 'Message' }).pressSequentially('For @han');
    await page.getByRole('option', { name: /Hana/ }).waitFor();
    await page.keyboard.press('Enter');
    await attach(page, 'media', [{ name: 'one.png', mimeType: 'image/png', buffer: await drawing(page, '#123456') }]);
    const caption = tray(page).getByRole('textbox', { name: 'Add a caption' });
    await caption.waitFor();
    await caption.press('End');
    await caption.pressSequentially('and @be');
    await tray(page).getByRole('option', { name: /Ben/ }).waitFor();
    await page.keyboard.press('Escape');
    await tray(page).getByRole('option').waitFor({ state: 'detached' });
    await caption.pressSequentially('n');
    await tray(page).getByRole('option', { name: /Ben/ }).waitFor();
    await page.keyboard.press('Tab');
    assert.equal(await caption.inputValue(), 'For @Hana Kobayashi and @Ben Okafor ');
    await page.keyboard.press('Enter');
    await tray(page).waitFor({ state: 'detached' });
    await arrived(page, 1);
    await last(page).getByRole('button', { name: '@Hana Kobayashi' }).waitFor();
    await last(page).getByRole('button', { name: '@Ben Okafor' }).waitFor();
  }));

test('a picture sent as a file goes byte for byte', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const buffer = await photo(page);
    await attach(page, 'media', [{ name: 'whole.jpg', mimeType: 'image/jpeg', buffer }]);
    await tray(page)
      .getByRole('switch', { name: /Send as files/ })
      .click();
    await tray(page).getByRole('button', { name: 'Send' }).click();
    await arrived(page, 1);
    const [file] = await sent(page);
    assert.deepEqual([file.kind, file.mediaType], ['file', 'application/octet-stream']);
    assert.ok(Buffer.from(file.bytes).equals(buffer));
    await last(page).getByRole('button', { name: 'Save whole.jpg' }).waitFor();
  }));

test('a picture that cannot be drawn anew goes only when somebody says so', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const buffer = Buffer.from('ftypheic and the place');
    await attach(page, 'media', [
      { name: 'IMG_1.HEIC', mimeType: 'image/heic', buffer },
      { name: 'shot.png', mimeType: 'image/png', buffer: await drawing(page, '#654321') },
    ]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await tray(page)
      .getByRole('alert')
      .getByText(/IMG_1.HEIC cannot be made smaller in this browser/)
      .waitFor();
    assert.equal(await page.evaluate(() => window.memory.world.rooms.get('chatwalk').items.length), 8);
    assert.deepEqual(await page.evaluate(() => window.memory.transfers()), []);
    await tray(page).getByRole('button', { name: 'Send it as it is' }).click();
    await arrived(page, 2);
    const [camera, shot] = await sent(page);
    assert.deepEqual([camera.kind, camera.mediaType], ['file', 'application/octet-stream']);
    assert.ok(Buffer.from(camera.bytes).equals(buffer));
    assert.equal(shot.kind, 'image', 'the others are drawn as ever');
  }));

test('a tray that is shut while files are prepared sends nothing, here or in another chat', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await page.evaluate(() => {
      const draw = window.createImageBitmap.bind(window);
      window.createImageBitmap = async (...given) => {
        await new Promise((done) => (window.goOn = done));
        return draw(...given);
      };
      window.drawn = 0;
      const { convertToBlob } = OffscreenCanvas.prototype;
      OffscreenCanvas.prototype.convertToBlob = async function (...given) {
        const blob = await convertToBlob.apply(this, given);
        window.drawn += 1;
        return blob;
      };
      window.sent = 0;
      const { media } = window.memory;
      const send = media.send.bind(media);
      media.send = (...given) => ((window.sent += 1), send(...given));
    });
    await attach(page, 'media', [{ name: 'no.png', mimeType: 'image/png', buffer: await drawing(page, '#123456') }]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await tray(page).getByText('Preparing: 0 of 1').waitFor();
    for (const name of ['Remove no.png', 'Add more files'])
      assert.ok(await tray(page).getByRole('button', { name }).isDisabled(), name);
    await page.keyboard.press('Escape');
    await tray(page).waitFor({ state: 'detached' });
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.getByRole('heading', { name: 'Ada' }).first().waitFor();
    await page.evaluate(() => window.goOn());
    // The preview, and the picture itself.
    await page.waitForFunction(() => window.drawn >= 2);
    await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(done))));
    assert.equal(await page.evaluate(() => window.sent), 0);
  }));

test('files are dropped on the conversation, which shows where, and pictures are pasted', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const file = { name: 'dropped.png', type: 'image/png', bytes: await drawing(page, '#00ff00') };
    await hand(page, 'dragenter', [file]);
    await page.getByText('Drop files here to send them to Estuary walk').waitFor();
    await hand(page, 'dragleave', [file]);
    await page.getByText('Drop files here').waitFor({ state: 'detached' });
    await hand(page, 'dragenter', [file]);
    assert.equal(await hand(page, 'drop', [file]), true, 'the browser must not open it');
    await tray(page).getByRole('button', { name: 'Remove dropped.png' }).waitFor();
    // More of them, while the tray is open.
    await hand(page, 'paste', [{ ...file, name: 'pasted.png' }]);
    await tray(page).getByRole('button', { name: 'Remove pasted.png' }).waitFor();
    await page.keyboard.press('Escape');
    await tray(page).waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => window.memory.world.rooms.get('chatwalk').items.length), 8);
  }));

test('what is too much or empty is said by name', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const files = Array.from({ length: 33 }, (_, index) => ({
      name: `note ${index + 1}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from('text'),
    }));
    files[3].buffer = Buffer.alloc(0);
    files.push({ name: 'one too many.txt', mimeType: 'text/plain', buffer: Buffer.from('text') });
    await attach(page, 'document', files);
    const alert = tray(page).getByRole('alert');
    await alert.getByText('note 4.txt is empty.').waitFor();
    await alert.getByText('one too many.txt is left out: 32 files can be sent at once.').waitFor();
    await tray(page).getByRole('heading', { name: 'Send 32 files' }).waitFor();
    await page.evaluate(() => {
      const huge = new File(['x'], 'film.mkv', { type: 'video/x-matroska' });
      Object.defineProperty(huge, 'size', { value: 2 ** 31 });
      window.huge = huge;
    });
    await tray(page).getByRole('button', { name: 'Remove note 1.txt' }).click();
    await page.evaluate(() => {
      const data = {
        types: ['Files'],
        items: [{ kind: 'file', webkitGetAsEntry: () => null, getAsFile: () => window.huge }],
      };
      for (const kind of ['dragenter', 'drop']) {
        const event = new DragEvent(kind, { bubbles: true, cancelable: true });
        Object.defineProperty(event, 'dataTransfer', { value: data });
        document.body.dispatchEvent(event);
      }
    });
    await alert.getByText(/film.mkv is larger than 1.1 GB/).waitFor();
  }));

test('an upload shows how far it is, can be stopped, fails in words and is tried again', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const rows = () => page.locator('li[data-key^=t]');
    const text = { name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') };
    await memory(page, (core) => (core.media.paceMs = 1_000));
    await attach(page, 'document', [text]);
    await tray(page).getByRole('button', { name: 'Send' }).click();
    await rows().getByRole('progressbar').waitFor();
    await page.waitForFunction(
      () => Number(document.querySelector('[data-key^=t] [role=progressbar]')?.ariaValueNow) > 20,
    );
    await rows().getByRole('button', { name: 'Stop sending' }).click();
    await rows().waitFor({ state: 'detached' });

    await memory(page, (core) => {
      core.media.paceMs = 20;
      core.media.failUploads = { code: 'tooLarge', message: 'the server says no' };
    });
    await attach(page, 'document', [text]);
    await tray(page).getByRole('button', { name: 'Send' }).click();
    await rows().getByText('The file is too large.').waitFor();
    await memory(page, (core) => (core.media.failUploads = undefined));
    await rows().getByRole('button', { name: 'Try again' }).click();
    await arrived(page, 1);
    await rows().waitFor({ state: 'detached' });
    assert.equal(await page.locator('.bubble', { hasText: 'plan' }).count(), 1, 'sent once');
  }));

test('what could not be kept comes back to be sent again, with what was written, in its chat', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await memory(page, (core) => (core.media.failKeeping = { code: 'storage', message: 'English' }));
    await attach(page, 'document', [{ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') }]);
    const caption = tray(page).getByRole('textbox', { name: 'Add a caption' });
    await caption.fill('long and well said');
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('.toasts .bad').waitFor();
    await tray(page).getByRole('button', { name: 'Remove plan.txt' }).waitFor();
    assert.equal(await caption.inputValue(), 'long and well said');
    assert.equal(await page.locator('li[data-key^=t]').count(), 0, 'no ghost of it');
    await memory(page, (core) => (core.media.failKeeping = undefined));
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await arrived(page, 1);
    await tray(page).waitFor({ state: 'detached' });
    await last(page).getByText('long and well said').waitFor();

    // In another chat it waits for its own.
    await memory(page, (core) => {
      core.media.failKeeping = { code: 'storage', message: 'English' };
      core.media.paceMs = 500;
    });
    await attach(page, 'document', [{ name: 'more.txt', mimeType: 'text/plain', buffer: Buffer.from('more') }]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.locator('.toasts .bad').waitFor();
    await page.waitForFunction(async () => (await window.memory.transfers()).length === 0);
    assert.equal(await tray(page).count(), 0);
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await tray(page).getByRole('button', { name: 'Remove more.txt' }).waitFor();
  }));

test('what was chosen waits in its chat while one looks elsewhere', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await page.getByRole('textbox', { name: 'Message' }).fill('as written');
    await attach(page, 'document', [{ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') }]);
    const caption = tray(page).getByRole('textbox', { name: 'Add a caption' });
    await caption.fill('as said in the end');
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await tray(page).waitFor({ state: 'detached' });
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await tray(page).getByRole('button', { name: 'Remove plan.txt' }).waitFor();
    assert.equal(await caption.inputValue(), 'as said in the end');
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await arrived(page, 1);
    await last(page).getByText('as said in the end').waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).inputValue(), '');

    // Put away, it does not come back.
    await attach(page, 'document', [{ name: 'more.txt', mimeType: 'text/plain', buffer: Buffer.from('more') }]);
    await page.keyboard.press('Escape');
    await tray(page).waitFor({ state: 'detached' });
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.getByRole('link', { name: /^Ada.*Details/ }).waitFor();
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await last(page).getByText('as said in the end').waitFor();
    assert.equal(await tray(page).count(), 0);
  }));

test('what is being prepared is sent, though one looks elsewhere meanwhile', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await page.getByRole('textbox', { name: 'Message' }).fill('as written');
    await page.evaluate(() => {
      const read = Blob.prototype.arrayBuffer;
      const isTime = new Promise((go) => (window.go = go));
      Blob.prototype.arrayBuffer = async function () {
        await isTime;
        return read.call(this);
      };
    });
    await attach(page, 'document', [{ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') }]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await tray(page).waitFor({ state: 'detached' });
    await page.getByRole('link', { name: /^Ada.*Details/ }).waitFor();
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await page.getByRole('link', { name: /^Estuary walk.*Details/ }).waitFor();
    const field = page.getByRole('textbox', { name: 'Message' });
    assert.equal(await field.inputValue(), '');
    await field.fill('what comes next');
    await page.evaluate(() => window.go());
    await arrived(page, 1);
    await last(page).getByText('as written').waitFor();
    assert.equal(await tray(page).count(), 0);
    assert.equal(await field.inputValue(), 'what comes next');
  }));

test('files that answer a message quote it on their way, too', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await memory(page, (core) => core.setConnection({ state: 'offline', why: 'test' }));
    const quoted = page.locator('[data-key=m1]');
    await quoted.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Reply' }).click();
    await attach(page, 'document', [{ name: 'plan.txt', mimeType: 'text/plain', buffer: Buffer.from('the plan') }]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    const row = page.locator('li[data-key^=t]');
    await row.getByText('No connection.', { exact: false }).waitFor();
    assert.equal(await row.getByText('not on this device').count(), 0);
    const said = await page.evaluate(() => window.memory.world.rooms.get('chatwalk').items[0].body);
    await row.getByText((said.text ?? said.caption).slice(0, 20)).waitFor();
  }));

test('a file that is dropped where no chat is open does not take the place of the app', () =>
  visit('/?quiet', async (page) => {
    await page.getByRole('link', { name: /Estuary walk/ }).waitFor();
    const file = { name: 'dropped.png', type: 'image/png', bytes: await drawing(page, '#00ff00') };
    assert.equal(await hand(page, 'dragover', [file]), true);
    assert.equal(await hand(page, 'drop', [file]), true, 'the browser must not open it');
  }));

test('without a connection files wait, and go when it is back', () =>
  visit(WALK, async (page) => {
    await ready(page);
    await memory(page, (core) => core.setConnection({ state: 'offline', why: 'test' }));
    await attach(page, 'media', [{ name: 'later.png', mimeType: 'image/png', buffer: await drawing(page, '#abcdef') }]);
    await tray(page).getByRole('button', { name: 'Send' }).click();
    const row = page.locator('li[data-key^=t]');
    await row.getByText('No connection. It is loaded or sent as soon as there is one.').waitFor();
    // It is seen meanwhile, from what this page has in hand.
    await row.locator('img.whole').waitFor();
    await memory(page, (core) => core.setConnection({ state: 'online', caughtUp: true }));
    await arrived(page, 1);
  }));

test('downloads fail in words: changed on the way, gone, no connection; and are tried again', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const note = page.locator('.document');
    for (const [code, words] of [
      ['tampered', /somebody has changed it on the way/],
      ['gone', /no longer on the server/],
      ['tooLarge', 'The file is too large.'],
    ]) {
      await memory(page, (core, code) => core.media.failDownloads.set('*', { code, message: 'English' }), code);
      await note.getByRole('button', { name: /Save Tide tables/ }).click();
      await note.getByText(words).waitFor();
    }
    await memory(page, (core) => core.media.failDownloads.clear());
    const download = page.waitForEvent('download');
    await note.getByRole('button', { name: /Save Tide tables/ }).click();
    assert.equal((await download).suggestedFilename(), 'Tide tables 2026 (northern coast).pdf');
    assert.equal(await readFile(await (await download).path(), 'utf8'), '%PDF-1.7');
  }));

test('pictures keep their place free, come by themselves, and one that failed is asked for again', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await ready(page);
    await memory(page, (core) => core.media.failDownloads.set('*', { code: 'tampered', message: 'English' }));
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    const pair = page.locator('[data-key=m7]');
    await pair
      .getByText(/somebody has changed it/)
      .first()
      .waitFor();
    const before = await pair.boundingBox();
    await memory(page, (core) => core.media.failDownloads.clear());
    await pair.getByRole('button', { name: 'Try again' }).first().click();
    await pair.locator('img.whole').first().waitFor();
    const after = await pair.boundingBox();
    assert.ok(Math.abs(after.height - before.height) < 1, 'nothing jumped');
  }));

test('a picture and a document stay as they are when their message changes, and one on its way as it gets further', () =>
  visit(WALK, async (page) => {
    await ready(page);
    const picture = page.locator('[data-key=m7] img.whole').first();
    await picture.waitFor();
    // While the page opens, a row may be made again when its height is known.
    let address;
    for (let before = null; address === undefined || address !== before; await page.waitForTimeout(300)) {
      before = address;
      address = await picture.getAttribute('src');
    }
    const react = (seq) => memory(page, (core, seq) => core.react('chatwalk', seq, '👍'), seq);
    await react(7);
    await page.locator('[data-key=m7]').getByText('👍').first().waitFor();
    assert.equal(await picture.getAttribute('src'), address);

    await memory(page, (core) => (core.media.paceMs = 1_000));
    const key = await page.locator('li[data-key]', { has: page.locator('.document') }).getAttribute('data-key');
    const row = page.locator(`[data-key=${key}]`);
    const saved = [];
    page.on('download', (download) => saved.push(download.suggestedFilename()));
    await row.getByRole('button', { name: /Save Tide tables/ }).click();
    await row.getByRole('progressbar').waitFor();
    await react(Number(key.slice(1)));
    await row.getByText('👍').first().waitFor();
    assert.equal(await row.getByRole('progressbar').count(), 1, 'it still says how far it is');
    await row.getByRole('button', { name: /Save Tide tables/ }).click();
    await memory(page, (core) => (core.media.paceMs = 100));
    await row.getByRole('progressbar').waitFor({ state: 'detached' });
    await row.getByRole('button', { name: /Save Tide tables/ }).click();
    while (saved.length < 2) await page.waitForEvent('download');
    assert.equal(saved.length, 2, 'once for each click that was free to do something');

    await page.evaluate(() => {
      window.addresses = new Set();
      const look = () => {
        const src = document.querySelector('[data-key^=t] img.whole')?.getAttribute('src');
        if (src) window.addresses.add(src);
      };
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await attach(page, 'media', [{ name: 'up.png', mimeType: 'image/png', buffer: await drawing(page, '#abcdef') }]);
    await tray(page).getByRole('button', { name: 'Send', exact: true }).click();
    await arrived(page, 1);
    assert.equal(await page.evaluate(() => window.addresses.size), 1);
  }));

test('a picture whose loading was stopped is loaded by a click, not by itself', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await ready(page);
    await memory(page, (core) => (core.media.paceMs = 1_000));
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    const pair = page.locator('[data-key=m7]');
    await pair.getByRole('button', { name: 'Stop loading' }).first().click();
    await memory(page, (core) => (core.media.paceMs = 20));
    // It is over for one of the two, and the other one is there.
    await pair.locator('img.whole').first().waitFor();
    assert.equal(await pair.locator('img.whole').count(), 1);
    await memory(page, (core) => (core.media.paceMs = 5));
    await pair.getByRole('button', { name: 'Open picture 1 of 2' }).click();
    await pair.locator('img.whole').nth(1).waitFor();
  }));

test('the viewer goes back and forth, enlarges, saves, keeps the focus and gives it back', () =>
  visit(WALK, async (page) => {
    const opener = page.getByRole('button', { name: 'Open picture 1 of 2' });
    await opener.click();
    const viewer = page.getByRole('dialog');
    await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
    await page.keyboard.press('ArrowRight');
    await viewer.getByRole('img', { name: 'Picture 9 of 9' }).waitFor();
    // At an end the button stays, and with it the focus and the keys.
    await page.keyboard.press('ArrowLeft');
    await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
    const later = viewer.getByRole('button', { name: 'Later picture or video' });
    await later.press('Enter');
    await viewer.getByRole('img', { name: 'Picture 9 of 9' }).waitFor();
    assert.equal(await later.getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowLeft');
    await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
    const smaller = viewer.getByRole('button', { name: 'Make smaller' });
    await viewer.getByRole('button', { name: 'Enlarge' }).press('Enter');
    await smaller.press('Enter');
    assert.equal(await smaller.getAttribute('aria-disabled'), 'true');
    await page.keyboard.press('ArrowLeft');
    await viewer.locator('video').waitFor();
    await page.waitForFunction(() => document.querySelector('video')?.videoWidth > 0);
    await viewer.getByText('They turn all at once').waitFor();
    await page.keyboard.press('Tab');
    await viewer.getByRole('button', { name: 'Later picture or video' }).click();
    await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
    const scale = () => viewer.locator('img.whole').evaluate((image) => new DOMMatrix(image.style.transform).a);
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    assert.equal(await scale(), 2.25);
    await page.keyboard.press('0');
    assert.equal(await scale(), 1);
    await viewer.locator('img.whole').dblclick();
    await page.waitForFunction(
      () => new DOMMatrix(document.querySelector('dialog img.whole').style.transform).a === 2.5,
    );
    await page.keyboard.press('0');
    const download = page.waitForEvent('download');
    await viewer.getByRole('button', { name: 'Save' }).click();
    assert.equal((await download).suggestedFilename(), 'IMG_2053.jpg');
    for (let step = 0; step < 9; step += 1) {
      await page.keyboard.press('Tab');
      assert.ok(
        await page.evaluate(
          () => document.activeElement === document.body || !!document.activeElement.closest('dialog'),
        ),
        'the focus stays inside',
      );
    }
    await page.keyboard.press('Escape');
    await viewer.waitFor({ state: 'detached' });
    await page.waitForFunction(() => document.activeElement?.textContent.trim() === 'Open picture 1 of 2');
  }));

test('the viewer says what was stopped, what failed, and what cannot be shown, and its keys go on working', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await ready(page);
    await memory(page, (core) => core.media.failDownloads.set('*', { code: 'tampered', message: 'English' }));
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    const pair = page.locator('[data-key=m7]');
    await pair
      .getByText(/somebody has changed it/)
      .first()
      .waitFor();
    await memory(page, (core) => {
      core.media.failDownloads.clear();
      core.media.paceMs = 1_000;
    });
    await pair.getByRole('button', { name: 'Open picture 1 of 2' }).press('Enter');
    const viewer = page.getByRole('dialog');
    await viewer.getByRole('button', { name: 'Stop loading' }).press('Enter');
    await viewer.getByRole('status').getByText('Loading was stopped.').waitFor();
    assert.equal(await viewer.getByRole('alert').count(), 0, 'that is no failure');
    await memory(page, (core) => {
      core.media.paceMs = 5;
      core.media.failDownloads.set('*', { code: 'gone', message: 'English' });
    });
    await viewer.getByRole('button', { name: 'Try again' }).press('Enter');
    await viewer
      .getByRole('alert')
      .getByText(/no longer on the server/)
      .waitFor();
    assert.equal(await viewer.getByRole('button', { name: 'Try again' }).count(), 0);
    await memory(page, (core) => core.media.failDownloads.clear());
    await page.evaluate(() => {
      for (const [id] of window.memory.world.files)
        window.memory.world.files.set(id, async () => new Blob(['no picture'], { type: 'image/png' }));
    });
    // The focus was on a button that is gone.
    await page.keyboard.press('ArrowRight');
    await viewer.getByText('This cannot be shown here. You can save it.').waitFor();
    assert.equal(await viewer.getByRole('button', { name: 'Try again' }).count(), 0);
  }));

test('fingers swipe in the viewer, and pull it down to close it', () =>
  visit(
    WALK,
    async (page) => {
      await page.getByRole('button', { name: 'Open picture 1 of 2' }).click();
      const viewer = page.getByRole('dialog');
      await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
      const swipe = async (x, y) => {
        await page.mouse.move(200, 400);
        await page.mouse.down();
        await page.mouse.move(200 + x / 2, 400 + y / 2);
        await page.mouse.move(200 + x, 400 + y);
        await page.mouse.up();
      };
      await swipe(-120, 5);
      await viewer.getByRole('img', { name: 'Picture 9 of 9' }).waitFor();
      await swipe(120, 5);
      await viewer.getByRole('img', { name: 'Picture 8 of 9' }).waitFor();
      await swipe(10, 160);
      await viewer.waitFor({ state: 'detached' });
    },
    { size: PHONE },
  ));

test('the details show the media and files of the chat', () =>
  visit('/?quiet#/chat/chatwalk/details', async (page) => {
    const details = page.getByRole('region', { name: 'Details' });
    await details.getByRole('link', { name: /Media and files/ }).click();
    await details
      .getByRole('button', { name: /Open picture: Hana Kobayashi/ })
      .first()
      .waitFor();
    assert.equal(await details.locator('.tile').count(), 9);
    await details
      .getByRole('button', { name: /^Open picture: Hana/ })
      .first()
      .click();
    await page.getByRole('dialog').getByRole('img', { name: 'Picture 9 of 9' }).waitFor();
    await page.keyboard.press('Escape');
    await details.getByRole('tab', { name: 'Pictures and videos' }).focus();
    await page.keyboard.press('ArrowRight');
    await details.getByRole('button', { name: /Save Tide tables/ }).waitFor();
    await details.getByRole('link', { name: 'Show in the chat' }).nth(2).click();
    await page.locator('li.shown', { hasText: 'Tide tables' }).waitFor();
  }));

test('object URLs do not outlive what they were made for', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await ready(page);
    await page.evaluate(() => {
      window.urls = new Set();
      const { createObjectURL, revokeObjectURL } = URL;
      URL.createObjectURL = (blob) => {
        const url = createObjectURL.call(URL, blob);
        window.urls.add(url);
        return url;
      };
      URL.revokeObjectURL = (url) => {
        window.urls.delete(url);
        revokeObjectURL.call(URL, url);
      };
    });
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await page.locator('[data-key=m7] img.whole').nth(1).waitFor();
    await page.getByRole('button', { name: 'Open picture 1 of 2' }).click();
    await page.getByRole('dialog').locator('img.whole').waitFor();
    await page.keyboard.press('Escape');
    await attach(page, 'media', [{ name: 'a.png', mimeType: 'image/png', buffer: await drawing(page, '#111111') }]);
    await tray(page).getByRole('button', { name: 'Send' }).click();
    await arrived(page, 1);
    assert.ok((await page.evaluate(() => window.urls.size)) > 2);
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.locator('.bubble', { hasText: 'telescope' }).first().waitFor();
    await page.waitForFunction(() => window.urls.size === 0);
  }));
