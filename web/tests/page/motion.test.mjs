import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';

const visit = bench();
const MOVING = { motion: 'no-preference' };
const STILL = { motion: 'reduce' };
const HELD_MS = 10;

/** Notes all that moves longer than an instant. What only fades stays where it is: WCAG 2.3.3 does not count it as motion. */
function watch(page, heldMs = HELD_MS) {
  return page.evaluate((heldMs) => {
    const fades = /^(offset|computedOffset|easing|composite|opacity|fill|stroke|outline|.*[cC]olor)$/;
    const moved = new Set();
    const ran = new Set();
    const note = () => {
      for (const animation of document.getAnimations()) {
        const { target } = animation.effect;
        const { activeDuration } = animation.effect.getComputedTiming();
        const changes = animation.effect.getKeyframes().flatMap((frame) => Object.keys(frame));
        const name = `${target.tagName} ${animation.animationName ?? animation.transitionProperty}`.toLowerCase();
        ran.add(name);
        if (activeDuration > heldMs && changes.some((change) => !fades.test(change))) moved.add(name);
      }
    };
    for (const kind of ['animationstart', 'transitionrun']) document.addEventListener(kind, note, true);
    note();
    window.motion = () => {
      note();
      return { moved: [...moved], ran: [...ran] };
    };
  }, heldMs);
}
const motion = (page) => page.evaluate(() => window.motion());

/** One turn through the app: a chat, a message, a menu, a dialog, a picture, a voice, a toast, a switch, a jump. */
async function use(page) {
  const composer = page.getByRole('textbox', { name: 'Message' });
  await page.getByRole('link', { name: /Ada Lindqvist/ }).click();
  await composer.fill('On my way');
  await page.keyboard.press('Enter');
  const sent = page.locator('.bubble', { hasText: 'On my way' });
  await sent.getByRole('img', { name: 'sent' }).waitFor();
  await sent.click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'Message info' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Ada Lindqvist').waitFor();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Emoji' }).click();
  await page.getByPlaceholder('Search emoji').waitFor();
  await page.keyboard.press('Escape');
  await page.getByPlaceholder('Search emoji').waitFor({ state: 'detached' });

  await page.getByPlaceholder('Search').fill('telescope');
  await page.getByRole('link', { name: /I bring the telescope/ }).click();
  await page.locator('li.shown').waitFor();
  await page.getByPlaceholder('Search').fill('');

  await memory(page, (core) => (core.media.paceMs = 100));
  await page.getByRole('link', { name: /Estuary walk/ }).click();
  await page.getByRole('button', { name: 'Open picture 1 of 2' }).click();
  await dialog.locator('img.whole').waitFor();
  await dialog.getByRole('button', { name: 'Enlarge' }).click();
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Record a voice message' }).click();
  await page.locator('.dot.on').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.dot.on').waitFor({ state: 'detached' });

  await page.evaluate(() => (location.hash = '#/settings/notifications'));
  await page.getByRole('switch').last().click();
  await memory(page, (core) =>
    core.tell({ type: 'refused', chat: 'chatada', failure: { code: 'tooFast', message: '' } }),
  );
  await page.locator('.toasts p').waitFor();
}

test('all of it works for who has nothing against motion', () =>
  visit(
    '/?quiet',
    async (page) => {
      // What is over before anybody looks was not seen.
      const cdp = await page.context().newCDPSession(page);
      await cdp.send('Animation.enable');
      await cdp.send('Animation.setPlaybackRate', { playbackRate: 0.2 });
      await watch(page);
      await use(page);
      const { moved } = await motion(page);
      for (const name of ['dialog rise', 'p come', 'div open'].map((end) => end.split(' ')))
        assert.ok(
          moved.some((moving) => moving.startsWith(name[0]) && moving.endsWith(name[1])),
          `${name.join(' ')} is among ${moved.join(', ')}`,
        );
    },
    MOVING,
  ));

test('nothing moves for who wants less motion', () =>
  visit(
    '/?quiet',
    async (page) => {
      await watch(page);
      await use(page);
      const { moved, ran } = await motion(page);
      assert.ok(ran.length > 3, 'something was looked at');
      assert.deepEqual(moved, []);
    },
    STILL,
  ));

test('what waits does not turn for who wants less motion', () =>
  visit(
    '/?core=never',
    async (page) => {
      await watch(page);
      await page.locator('main svg').waitFor();
      assert.deepEqual((await motion(page)).moved, []);
    },
    STILL,
  ));

for (const [options, turns] of [
  [MOVING, true],
  [STILL, false],
]) {
  test(`the sign of waiting ${turns ? 'turns' : 'stands still'} with ${options.motion}`, () =>
    visit(
      '/?quiet#/chat/chatada',
      async (page) => {
        await page.getByRole('textbox', { name: 'Message' }).waitFor();
        await memory(page, (core) => (core.messageInfo = () => new Promise(() => undefined)));
        await watch(page);
        await page.locator('.bubble', { hasText: 'Fine. But only' }).click({ button: 'right' });
        await page.getByRole('menuitem', { name: 'Message info' }).click();
        await page.getByRole('dialog').getByRole('status', { name: 'Loading' }).waitFor();
        const { moved } = await motion(page);
        assert.equal(
          moved.some((name) => name.startsWith('span')),
          turns,
          moved.join(', '),
        );
      },
      options,
    ));
}
