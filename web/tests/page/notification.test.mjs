import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';

const visit = bench();
const ADA = 'ada'.padEnd(26, '0');
const chatIs = (page, id) => page.waitForFunction((id) => location.hash === `#/chat/${id}`, id);
const ready = (page) => page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();

async function switchOn(page) {
  await ready(page);
  await page.evaluate(() => (location.hash = '#/settings/notifications'));
  await page.getByRole('switch', { name: /Show notifications/ }).click();
  await page.getByRole('switch', { name: /Show notifications/, checked: true }).waitFor();
  await page.evaluate(() => (location.hash = '#/chat/chatmama'));
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
}
const say = (page, text) => memory(page, `(core, text) => core.say('chatada', '${ADA}', text)`, text);

/** Notifications of the page itself are noted, and nobody is asked. */
const noted = (page) =>
  page.evaluate(() => {
    window.shown = [];
    window.Notification = class {
      static permission = 'granted';
      static requestPermission = async () => 'granted';
      constructor(title, options) {
        window.shown.push(Object.assign(this, { title, ...options, closed: false }));
      }
      close() {
        this.closed = true;
      }
    };
  });

test('a click on a notification of the page leads to its chat and takes it away', () =>
  visit('/?quiet', async (page) => {
    await noted(page);
    await switchOn(page);
    await say(page, 'Look up');
    await page.waitForFunction(() => window.shown.length === 1);
    const { title, body, tag } = await page.evaluate(() => window.shown[0]);
    assert.deepEqual({ title, body, tag }, { title: 'Ada Lindqvist', body: 'Look up', tag: 'chatada' });
    await page.evaluate(() => window.shown[0].onclick());
    await chatIs(page, 'chatada');
    await page.locator('.bubble', { hasText: 'Look up' }).waitFor();
    assert.equal(await page.evaluate(() => window.shown[0].closed), true);
  }));

test('nothing is shown of the chat that is open, of a muted one, or with words that are to be hidden', () =>
  visit('/?quiet', async (page) => {
    await noted(page);
    await switchOn(page);
    await memory(page, (core) => core.setChatFlags('chatflat', { muted: true }));
    await page.getByRole('link', { name: /Harbour Street.*muted/ }).waitFor();
    await memory(page, `(core) => core.say('chatmama', '${'mama'.padEnd(26, '0')}', 'Eat')`);
    await memory(page, `(core) => core.say('chatflat', '${'ben'.padEnd(26, '0')}', 'Boiler')`);
    await page.evaluate(() => (location.hash = '#/settings/notifications'));
    await page.getByRole('switch').last().click();
    await say(page, 'A secret');
    await page.waitForFunction(() => window.shown.length > 0);
    const shown = await page.evaluate(() => window.shown.map(({ tag, body }) => ({ tag, body })));
    assert.deepEqual(
      shown.map(({ tag }) => tag),
      ['chatada'],
    );
    assert.doesNotMatch(shown[0].body, /secret/);
  }));

test('what the service worker says about a click leads to the chat, and what is no chat leads nowhere', () =>
  visit('/?quiet', async (page) => {
    await ready(page);
    const tell = (data) =>
      page.evaluate((data) => navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data })), data);
    for (const data of [
      null,
      'openChat',
      { type: 'openChat' },
      { type: 'openChat', chat: 7 },
      { type: 'x', chat: 'a' },
    ])
      await tell(data);
    assert.equal(await page.evaluate(() => location.hash), '');
    await tell({ type: 'openChat', chat: 'chatada' });
    await chatIs(page, 'chatada');
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    await tell({ type: 'openChat', chat: '../settings?x#y' });
    assert.equal(await page.evaluate(() => location.hash), '#/chat/..%2Fsettings%3Fx%23y');
  }));

/** Has the worker hear that its notification was clicked. An event that no browser made cannot be waited for; what it does is done. */
const click = (worker) =>
  worker.evaluate(async () => {
    // The browser closes and shows again what has the same tag.
    let notification;
    for (let turn = 0; turn < 200 && !notification; turn += 1) {
      await new Promise((soon) => setTimeout(soon, 20));
      [notification] = await self.registration.getNotifications();
    }
    const event = new NotificationEvent('notificationclick', { notification });
    event.waitUntil = (what) => void (self.over = Promise.resolve(what).catch(() => undefined));
    self.dispatchEvent(event);
    await self.over;
    return (await self.registration.getNotifications()).length;
  });

for (const [how, reload] of [
  ['that the worker serves', true],
  ['that was there before the worker', false],
]) {
  test(`a click on a notification of the service worker leads to its chat, in a page ${how}`, () =>
    visit('/?quiet', async (page) => {
      const context = page.context();
      await context.grantPermissions(['notifications']);
      const born = context.waitForEvent('serviceworker');
      await page.evaluate(async () => {
        await navigator.serviceWorker.register('/service-worker.js');
        await navigator.serviceWorker.ready;
      });
      const worker = await born;
      if (reload) await page.reload();
      assert.equal(await page.evaluate(() => Boolean(navigator.serviceWorker.controller)), reload);
      await switchOn(page);
      await say(page, 'Look up');
      await page.waitForFunction(async () => {
        const registration = await navigator.serviceWorker.getRegistration();
        return (await registration.getNotifications()).length === 1;
      });
      assert.equal(await click(worker), 0);
      await chatIs(page, 'chatada');
      await page.locator('.bubble', { hasText: 'Look up' }).waitFor();
      assert.equal(context.pages().length, 1, 'it is the page that was open');
    }));
}
