import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';

const visit = bench();
const CLEO = 'cleo'.padEnd(26, '0');

/** Where a row stands on the screen. */
const topOf = (page, key) =>
  page.evaluate((key) => document.querySelector(`[data-key="${key}"]`)?.getBoundingClientRect().top, key);
const firstShown = (page) =>
  page.evaluate(() => {
    const edge = document.querySelector('.scroller').getBoundingClientRect().top;
    return [...document.querySelectorAll('li[data-key^=m]')].find(
      (row) => row.getBoundingClientRect().bottom > edge + 1,
    )?.dataset.key;
  });
/** Turns the wheel as far as changes what stands on top, and waits until it does. */
async function wheel(page, by) {
  await page.locator('.scroller').hover();
  const before = await firstShown(page);
  await page.mouse.wheel(0, by);
  await page.waitForFunction((before) => {
    const edge = document.querySelector('.scroller').getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('li[data-key^=m]')];
    const key = rows.find((row) => row.getBoundingClientRect().bottom > edge + 1)?.dataset.key;
    return key !== undefined && key !== before;
  }, before);
}
const rowCount = (page) => page.locator('ol > li').count();

test('100,000 messages: older ones come in above and nothing jumps', () =>
  visit('/?quiet&long=100000#/chat/chatlong', async (page) => {
    await page.locator('[data-key=m100000]').waitFor();
    let oldest = 100_000;
    for (let turn = 0; turn < 60 && oldest >= 99_940; turn += 1) {
      // To the edge where pages are asked for, by a wheel as a reader does.
      await wheel(page, -700);
      const key = await firstShown(page);
      const before = await topOf(page, key);
      await page.waitForTimeout(120);
      const after = await topOf(page, key);
      assert.ok(Math.abs(after - before) <= 1, `${key} moved from ${before} to ${after}`);
      oldest = Number(key.slice(1));
    }
    assert.ok(oldest < 99_940, `went up to ${oldest}`);
    assert.ok((await rowCount(page)) <= 240, 'rows far away are not in the page');
  }));

test('goes to a message far up and back down without a hole', () =>
  visit('/?quiet&long=100000#/chat/chatlong?at=5000', async (page) => {
    await page.locator('[data-key=m5000].shown').waitFor();
    await page.locator('.scroller').hover();
    let seqs = [];
    // How much comes at a time depends on the machine.
    for (let turn = 0; turn < 200 && !(seqs.at(-1) > 5060); turn += 1) {
      await page.mouse.wheel(0, 900);
      await page.waitForTimeout(40);
      seqs = await page.evaluate(() =>
        [...document.querySelectorAll('li[data-key^=m]')].map((row) => Number(row.dataset.key.slice(1))),
      );
    }
    assert.ok(seqs.at(-1) > 5060, `read on to ${seqs.at(-1)}`);
    seqs.forEach((seq, index) => index > 0 && assert.equal(seq, seqs[index - 1] + 1));
    await page.getByRole('button', { name: /newest message/ }).click();
    await page.locator('[data-key=m100000]').waitFor();
    await page.waitForFunction(() => {
      const scroller = document.querySelector('.scroller');
      return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    });
  }));

test('a row above that grows, as a picture does, moves nothing', () =>
  visit('/?quiet&long=1000#/chat/chatlong', async (page) => {
    await page.locator('[data-key=m1000]').waitFor();
    await wheel(page, -500);
    await page.waitForTimeout(300);
    const key = await firstShown(page);
    const before = await topOf(page, key);
    await page.evaluate((key) => {
      const above = document.querySelector(`[data-key="m${Number(key.slice(1)) - 3}"]`);
      above.style.height = `${above.offsetHeight + 300}px`;
    }, key);
    await page.waitForTimeout(100);
    assert.ok(Math.abs((await topOf(page, key)) - before) <= 1);
  }));

test('new messages are followed at the end, and only there', () =>
  visit('/?quiet&long=1000#/chat/chatlong', async (page) => {
    await page.locator('[data-key=m1000]').waitFor();
    await memory(page, (core, user) => core.say('chatlong', user, 'followed'), CLEO);
    await page.locator('[data-key=m1001]').waitFor();
    await page.waitForFunction(() => {
      const scroller = document.querySelector('.scroller');
      return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    });
    await wheel(page, -600);
    await page.waitForTimeout(300);
    const key = await firstShown(page);
    const before = await topOf(page, key);
    await memory(page, (core, user) => core.say('chatlong', user, 'not followed'), CLEO);
    await page.getByRole('button', { name: /1 unread/ }).waitFor();
    assert.ok(Math.abs((await topOf(page, key)) - before) <= 1);
  }));

test('a stream of long messages is followed, whatever comes between two frames', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await page.locator('[data-key] .bubble').last().waitFor();
    const below = await memory(page, async (core) => {
      const { items } = core.world.rooms.get('chatada');
      const like = items.findLast(({ type, sender }) => type === 'message' && sender.user !== core.world.me);
      const first = items.at(-1).place.at;
      for (let number = 1; number <= 30; number += 1) {
        const text = `${number}: ${'and then it went on for a while '.repeat(12)}`;
        const item = { ...like, place: { at: first + number }, body: { kind: 'text', text, mentions: [] } };
        items.push(item);
        core.tell({ type: 'messages', chat: 'chatada', seqs: [first + number], items: [item] });
        // In the same frame, right after it was drawn, or before the next one.
        const wait = [(done) => done(), (done) => setTimeout(done, 1), (done) => setTimeout(done, 6)][number % 3];
        await new Promise((done) => requestAnimationFrame(() => wait(done)));
      }
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      const scroller = document.querySelector('.scroller');
      return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    });
    await page.locator('[data-key] .bubble').last().getByText('30: and then').waitFor();
    assert.ok(below < 2, `${below} pixels are below`);
  }));

test('10,000 chats: few rows in the page, and the last can be reached by keys', () =>
  visit('/?quiet&chats=10000', async (page) => {
    await page
      .getByRole('link', { name: /Chat number 2 / })
      .first()
      .waitFor();
    assert.ok((await page.locator('nav li').count()) < 40);
    await page.waitForFunction(() => document.querySelector('nav ul').offsetHeight > 9900 * 60, undefined, {
      timeout: 20_000,
    });
    await page.locator('nav li a').first().focus();
    await page.keyboard.press('End');
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('Chat number 10000'));
    assert.ok((await page.locator('nav li').count()) < 40);
  }));
