import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';
import { PHONE } from './browser.mjs';

const visit = bench();
/** Messages of text in the hostile chat; those with files follow. */
const HOSTILE = 21;

for (const options of [{}, { size: PHONE }]) {
  test(`hostile names, messages, file names and links run nothing${options.size ? ' on a phone' : ''}`, () =>
    visit(
      '/?hostile#/chat/chatevil/details',
      async (page) => {
        await page.locator('.end .about, .end .description').first().waitFor();
        await page.evaluate(() => (location.hash = '#/chat/chatevil'));
        await page.locator('.bubble').last().waitFor();
        await page.waitForTimeout(300);
        const found = await page.evaluate(() => ({
          ran: window.ran,
          // The app draws none of these from what people write.
          strange: document.querySelectorAll(
            '#app iframe, #app script, #app b, #app object, #app embed, #app img:not([src^=blob\\:]), #app video:not([src^=blob\\:]), #app [onclick], #app [onerror], #app [onmouseover]',
          ).length,
          links: [...document.querySelectorAll('.bubble a')].map((link) => link.protocol),
          wide:
            document.documentElement.scrollWidth > innerWidth ||
            document.querySelector('.scroller').scrollWidth > document.querySelector('.scroller').clientWidth + 1,
        }));
        assert.equal(found.ran, undefined);
        assert.equal(found.strange, 0);
        assert.ok(
          found.links.length > 0 && found.links.every((protocol) => ['http:', 'https:', 'mailto:'].includes(protocol)),
          String(found.links),
        );
        assert.equal(found.wide, false, 'nothing hangs out at the side');
      },
      options,
    ));
}

test('the policy would stop what slipped through', () =>
  visit('/', async (page) => {
    await page.locator('.avatar').first().waitFor();
    const ran = await page.evaluate(() => {
      const image = document.createElement('div');
      image.innerHTML = '<img src="x:" onerror="window.ran=1">';
      document.body.append(image);
      return new Promise((done) => setTimeout(() => done(window.ran), 200));
    });
    assert.equal(ran, undefined);
  }).then(
    () => assert.fail('the policy must have complained'),
    (error) => assert.match(error.message, /Content Security Policy/i),
  ));

test('a hostile notification and reaction stay text', () =>
  visit('/?hostile#/chat/chatada', async (page) => {
    await page.locator('.bubble').last().waitFor();
    await memory(page, (core) =>
      core.change('chatada', 10, (message) => ({
        ...message,
        reactions: [{ emoji: '<img src=x onerror=window.ran=1>', users: ['x'], isOwn: false }],
      })),
    );
    await page.getByText('<img src=x onerror=window.ran=1>').waitFor();
    await memory(page, (core) => core.say('chatevil', 'gus'.padEnd(26, '0'), '<svg onload=window.ran=1>'));
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.ran), undefined);
  }));

test('files that are not what they say run nothing, are saved under harmless names, and break nothing', () =>
  visit('/?hostile#/chat/chatada', async (page) => {
    await page.locator('.bubble').last().waitFor();
    const row = (index) => page.locator(`[data-key=m${HOSTILE + index}]`);
    await page.evaluate(() => {
      window.types = [];
      const { createObjectURL } = URL;
      URL.createObjectURL = (blob) => {
        window.types.push(blob.type);
        return createObjectURL.call(URL, blob);
      };
    });
    await page.evaluate(() => (location.hash = '#/chat/chatevil'));
    await row(5).waitFor();
    // By its type an image, yet a program: it is a document here, and saved as octets.
    const save = async (name) => {
      const download = page.waitForEvent('download');
      await row(1).getByRole('button', { name }).click();
      return (await download).suggestedFilename();
    };
    assert.equal(await row(1).locator('.tile, img, video').count(), 0);
    assert.equal(await save(/onerror=alert/), '__img src=x onerror=alert(1)_.svg'.replace(/^__/, '___'));
    assert.equal(await save('Save page.html'), 'page.html');
    assert.match(await save(/passwd/), /^[^/\\]*passwd$/);
    // The mark that turns the direction is gone: the ending is seen as it is.
    assert.equal(await save('Save holidaygpj.exe'), 'holidaygpj.exe');
    assert.equal(await row(1).locator('.end', { hasText: '.exe' }).count(), 1);
    assert.ok((await save(/W{255}/)).length < 210);
    assert.equal(await save('Save File'), 'file');

    // Said to be pictures: what cannot be drawn says so, whatever its preview and size.
    await row(2).scrollIntoViewIfNeeded();
    await row(2).getByText('This cannot be shown here.').first().waitFor();
    await page.waitForFunction(
      (key) => document.querySelectorAll(`[data-key=${key}] .why`).length === 3,
      `m${HOSTILE + 2}`,
    );
    assert.equal(await row(2).locator('img').count(), 0);
    for (const index of [2, 3]) {
      const { width, height } = await row(index).locator('.album').boundingBox();
      assert.ok(width >= 100 && width <= 340 && height >= 60 && height <= 420, `${width} x ${height}`);
    }
    await row(3).getByRole('button', { name: 'Play video' }).click();
    await page.getByRole('dialog').getByText('This cannot be shown here.').waitFor();
    const download = page.waitForEvent('download');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    assert.equal((await download).suggestedFilename(), 'd.mp4');
    await page.keyboard.press('Escape');
    for (const index of [4, 5]) {
      await row(index).getByRole('button', { name: 'Play voice message' }).click();
      await row(index).getByText('This cannot be shown here.').waitFor();
    }
    assert.equal(await page.evaluate(() => window.ran), undefined);
    assert.equal(page.context().pages().length, 1);
    // Whatever was made an address, it is of no type that runs.
    assert.deepEqual(
      (await page.evaluate(() => window.types)).filter(
        (type) => !/^(?:image\/(?:png|jpeg|webp)|video\/mp4|audio\/ogg|application\/octet-stream)$/.test(type),
      ),
      [],
    );
  }));
