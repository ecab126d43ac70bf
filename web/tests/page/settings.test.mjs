import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';

const visit = bench();

test('who sees when one was there is chosen once it is known, and no older answer takes it back', () =>
  visit('/', async (page) => {
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
    await memory(page, (core) => {
      const profile = core.profile.bind(core);
      window.answers = [];
      core.profile = async () => {
        const known = structuredClone(await profile());
        await new Promise((resolve) => window.answers.push(resolve));
        return known;
      };
    });
    const asked = () => page.waitForFunction(() => window.answers.length === 1);
    const answer = () => page.evaluate(() => window.answers.pop()());
    await page.evaluate(() => (location.hash = '#/settings/privacy'));
    const nobody = page.getByRole('radio', { name: 'Nobody' });
    await nobody.waitFor();
    await asked();
    assert.equal(await nobody.isDisabled(), true);
    await answer();
    await page.getByRole('radio', { name: 'My contacts', checked: true }).waitFor();
    await memory(page, (core) => core.tell({ type: 'people' }));
    await asked();
    await nobody.check();
    await answer();
    // Only a frame later has the page heard the answer.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.equal(await nobody.isChecked(), true);
  }));
