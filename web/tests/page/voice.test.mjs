import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, focused, memory } from './harness.mjs';

const visit = bench();
const WALK = '/?quiet#/chat/chatwalk';
const mic = (page) => page.getByRole('button', { name: 'Record a voice message' });
const timer = (page) => page.getByRole('timer');
const count = (page) => page.evaluate(() => window.memory.world.rooms.get('chatwalk').items.length);

/** Notes when the microphone is asked for, and whether it was let go. */
const watch = (page) =>
  page.evaluate(() => {
    window.tracks = [];
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  });

test('a voice message is recorded, heard as Opus in Ogg with its waveform, and the microphone is let go', () =>
  visit(WALK, async (page) => {
    await mic(page).waitFor();
    await watch(page);
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => window.tracks.length), 0, 'asked for on the click alone');
    await mic(page).click();
    await page.getByText('Recording', { exact: true }).waitFor({ state: 'attached' });
    assert.equal(await focused(page), 'Send voice message');
    // The level meter moves: the fake microphone beeps once a second.
    await page.waitForFunction(() => {
      const path = document.querySelector('.composer svg[preserveAspectRatio] path');
      return new Set(path?.getAttribute('d')?.match(/v[\d.]+/g)).size > 6;
    });
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent === '0:02');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.memory.world.rooms.get('chatwalk').items.length === 9);
    assert.ok(await page.evaluate(() => window.tracks.every((track) => track.readyState === 'ended')));
    const note = await page.evaluate(async () => {
      const { core = window.memory } = {};
      const [file] = core.world.rooms.get('chatwalk').items.at(-1).body.files;
      const blob = await core.world.files.get(file.id)();
      const bytes = await blob.arrayBuffer();
      const start = new TextDecoder('latin1').decode(bytes.slice(0, 64));
      const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(bytes);
      return { ...file, type: blob.type, start, seconds: sound.duration };
    });
    assert.deepEqual([note.kind, note.type], ['voice', 'audio/ogg; codecs=opus']);
    assert.match(note.start, /^OggS[\s\S]*OpusHead/);
    assert.equal(note.waveform.length, 64);
    assert.ok(Math.max(...note.waveform) > 20, 'something was heard');
    assert.ok(note.seconds > 1.5 && Math.abs(note.seconds * 1000 - note.durationMs) < 60, String(note.seconds));

    // And plays, from where the slider stands, faster.
    const row = page.locator('[data-key^=m9]');
    await row.getByRole('button', { name: 'Play voice message' }).click();
    await row.getByRole('button', { name: 'Pause' }).waitFor();
    await row.getByRole('button', { name: /Speed 1/ }).click();
    await row.getByRole('button', { name: /Speed 1.5/ }).click();
    await row.getByRole('button', { name: /Speed 2/ }).waitFor();
    await row.getByRole('button', { name: 'Play voice message' }).waitFor({ timeout: 20_000 });
  }));

test('a recording is discarded by Esc and by leaving, and nothing is sent', () =>
  visit(WALK, async (page) => {
    await mic(page).waitFor();
    await watch(page);
    await mic(page).click();
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent === '0:01');
    await page.keyboard.press('Escape');
    await timer(page).waitFor({ state: 'detached' });
    await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
    await mic(page).click();
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent === '0:01');
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.waitForFunction(
      () => window.tracks.length === 2 && window.tracks.every((track) => track.readyState === 'ended'),
    );
    assert.equal(await count(page), 8);
  }));

for (const [name, words] of [
  ['NotAllowedError', /does not let Dunlin use the microphone/],
  ['NotFoundError', 'There is no microphone.'],
]) {
  test(`says so when there is no recording: ${name}`, () =>
    visit(WALK, async (page) => {
      await mic(page).waitFor();
      await page.evaluate((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
      }, name);
      await mic(page).click();
      await page.locator('.toasts').getByText(words).waitFor();
      await page.waitForFunction(() => document.activeElement?.id === 'composer');
    }));
}

test('one voice is heard at a time, and the keyboard moves within it', () =>
  visit(WALK, async (page) => {
    const [first, second] = ['m3', 'm6'].map((key) => page.locator(`[data-key=${key}]`));
    await first.getByRole('button', { name: 'Play voice message' }).click();
    await first.getByRole('button', { name: 'Pause' }).waitFor();
    await first.getByRole('slider', { name: 'Position' }).focus();
    for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => {
      const slider = document.querySelector('[data-key=m3] input');
      return Number(slider.value) >= 8000 && /0:(?:0[89]|1\d) of 0:14/.test(slider.getAttribute('aria-valuetext'));
    });
    await second.getByRole('button', { name: 'Play voice message' }).click();
    await second.getByRole('button', { name: 'Pause' }).waitFor();
    await first.getByRole('button', { name: 'Play voice message' }).waitFor();
    await memory(page, (core) => core.media.failDownloads.set('*', { code: 'gone', message: 'English' }));
    const sound = page.locator('[data-key=m8]');
    await sound.getByRole('button', { name: 'Play Dunlin call.mp3' }).click();
    await sound.getByText(/no longer on the server/).waitFor();
  }));
