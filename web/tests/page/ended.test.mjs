import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';

const visit = bench();
const ENDS = {
  storage: /its storage is full, or this is a private window/,
  otherTab: /Another tab runs another release/,
  stopped: /Something went wrong/,
};
const blocked = (page) => page.getByRole('heading', { name: 'Dunlin cannot run here' });
const someone = (page) => page.locator('#chats').getByRole('link', { name: /Ada Lindqvist/ });
const end = (page, code) =>
  memory(
    page,
    (core, code) => core.setSession({ state: 'blocked', failure: { code, message: `It ended: ${code}.` } }),
    code,
  );

for (const [code, text] of Object.entries(ENDS)) {
  test(`a core that cannot begin says why, and can be loaded again: ${code}`, () =>
    visit(`/?core=${code}`, async (page) => {
      await blocked(page).waitFor();
      await page.getByRole('alert').getByText(text).waitFor();
      await page.getByText(`It ended: ${code}.`).waitFor();
      await page.evaluate(() => (window.isBefore = true));
      await page.getByRole('button', { name: 'Load again' }).click();
      await page.waitForFunction(() => !window.isBefore);
      await blocked(page).waitFor();
    }));

  test(`a core that ends under an open chat takes it from the screen and says why: ${code}`, () =>
    visit('/?quiet#/chat/chatada', async (page) => {
      await page.getByRole('textbox', { name: 'Message' }).waitFor();
      await end(page, code);
      await page.getByRole('alert').getByText(text).waitFor();
      assert.equal(await page.locator('.bubble, nav, textarea').count(), 0);
      await page.keyboard.press('Tab');
      await page.waitForFunction(() => document.activeElement?.textContent === 'Load again');
    }));
}

test('a core that rejects the first question is one that ended', () =>
  visit('/?state=loggedOut', async (page) => {
    await page.getByLabel('Phone number').waitFor();
    await memory(page, (core) => {
      core.session = async () => {
        throw { code: 'storage', message: 'The disk is full.' };
      };
      core.setSession({ state: 'ready', me: core.world.me, device: 1, name: 'Robin', address: '' });
    });
    await someone(page).waitFor();
    await memory(page, (core) => core.setSession({ state: 'loggedOut' }));
    await blocked(page).waitFor();
    await page.getByText('The disk is full.').waitFor();
  }));

test('goes on by itself when the other tab is closed', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    const { session } = await page.evaluate(() => ({ session: window.memory.world.session }));
    await end(page, 'otherTab');
    await blocked(page).waitFor();
    await memory(page, (core, session) => core.setSession(session), session);
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
    await someone(page).waitFor();
    assert.equal(await blocked(page).count(), 0);
  }));

for (const [why, text] of Object.entries({
  cleared: /data of this site was deleted/,
  revoked: /removed from your devices/,
})) {
  test(`the login says why one has to log in again: ${why}`, () =>
    visit(`/?state=${why}`, async (page) => {
      await page.getByText(text).waitFor();
      await page.waitForFunction(() => document.activeElement?.id === 'address');
    }));

  test(`who is put out of an open chat reads why, and comes back to the list: ${why}`, () =>
    visit('/?quiet#/chat/chatada', async (page) => {
      await page.getByRole('textbox', { name: 'Message' }).fill('Half a thought');
      await memory(page, (core, why) => core.setSession({ state: 'loggedOut', why }), why);
      await page.getByText(text).waitFor();
      assert.equal(await page.locator('.bubble, nav, textarea').count(), 0);
      await page.getByLabel('Phone number').fill('+4912345');
      await page.keyboard.press('Enter');
      await page.getByLabel('Code', { exact: true }).fill('123456');
      await page.keyboard.press('Enter');
      await someone(page).waitFor();
      assert.equal(await page.evaluate(() => location.hash), '#/');
    }));
}

for (const [way, between] of Object.entries({
  'after the storage failed': { state: 'blocked', failure: { code: 'storage', message: '' } },
  'after the core began anew': { state: 'starting' },
})) {
  test(`who is put out ${way} leaves nothing in the page`, () =>
    visit('/?quiet#/chat/chatada', async (page) => {
      await page.getByRole('textbox', { name: 'Message' }).waitFor();
      await memory(page, (core, between) => core.setSession(between), between);
      await memory(page, (core) => core.setSession({ state: 'loggedOut', why: 'cleared' }));
      await page.getByLabel('Phone number').waitFor();
      assert.equal(await page.evaluate(() => location.hash), '#/');
    }));
}

test('while the core is on its way the page says that it starts', () =>
  visit('/?core=never', async (page) => {
    assert.equal(await page.getByRole('main').getAttribute('aria-busy'), 'true');
    await page.getByRole('status').waitFor({ state: 'attached' });
    assert.match(await page.getByRole('status').textContent(), /\w/);
  }));
