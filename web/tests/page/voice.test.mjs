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
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent >= '0:02');
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
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent >= '0:01');
    await page.keyboard.press('Escape');
    await timer(page).waitFor({ state: 'detached' });
    await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
    await mic(page).click();
    await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent >= '0:01');
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await page.waitForFunction(
      () => window.tracks.length === 2 && window.tracks.every((track) => track.readyState === 'ended'),
    );
    assert.equal(await count(page), 8);
  }));

/** One second of what is said, and the recording still on. */
const speak = async (page) => {
  await mic(page).waitFor();
  await watch(page);
  await mic(page).click();
  await page.waitForFunction(() => document.querySelector('[role=timer]')?.textContent >= '0:01');
};
const note = (page) =>
  page.evaluate(() => {
    const { place, body } = window.memory.world.rooms.get('chatwalk').items.at(-1);
    return { place, kind: body.files?.[0].kind, count: body.files?.length };
  });

test('a recording that is discarded while it is made ready is not sent', () =>
  visit(WALK, async (page) => {
    await speak(page);
    await page.evaluate(() => {
      const { decodeAudioData } = OfflineAudioContext.prototype;
      OfflineAudioContext.prototype.decodeAudioData = async function (...given) {
        await new Promise((done) => (window.goOn = done));
        const sound = await decodeAudioData.apply(this, given);
        window.decoded = true;
        return sound;
      };
      window.sent = 0;
      const { media } = window.memory;
      const send = media.send.bind(media);
      media.send = (...given) => ((window.sent += 1), send(...given));
    });
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => window.goOn);
    await page.getByRole('button', { name: 'Discard the recording' }).click();
    await timer(page).waitFor({ state: 'detached' });
    await page.evaluate(() => window.goOn());
    await page.waitForFunction(() => window.decoded);
    await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(done))));
    assert.equal(await page.evaluate(() => window.sent), 0);
    assert.ok(await page.evaluate(() => window.tracks.every((track) => track.readyState === 'ended')));
  }));

test('what was said before the microphone was unplugged can be sent', () =>
  visit(WALK, async (page) => {
    await speak(page);
    await page.evaluate(() => window.tracks.forEach((track) => track.stop()));
    await page.getByText('This is as long as it gets').first().waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Send voice message' }).click();
    await page.waitForFunction(() => window.memory.world.rooms.get('chatwalk').items.length === 9);
    assert.equal((await note(page)).kind, 'voice');
  }));

test('a voice message that could not be kept is offered again, and is still one', () =>
  visit(WALK, async (page) => {
    await speak(page);
    await memory(page, (core) => (core.media.failKeeping = { code: 'storage', message: 'English' }));
    await page.keyboard.press('Enter');
    const tray = page.getByRole('dialog', { name: /Send/ });
    await tray.getByRole('button', { name: 'Remove voice-message.ogg' }).waitFor();
    assert.equal(await count(page), 8);
    await memory(page, (core) => (core.media.failKeeping = undefined));
    await tray.getByRole('button', { name: 'Send', exact: true }).click();
    await page.waitForFunction(() => window.memory.world.rooms.get('chatwalk').items.length === 9);
    const { kind, count: files } = await note(page);
    assert.deepEqual([kind, files], ['voice', 1]);
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
