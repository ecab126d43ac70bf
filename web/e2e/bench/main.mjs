/**
 * How fast the web app is, in headless Chromium over a real server: `npm run bench`, which `cargo xtask bench` starts. Numbers
 * depend on what else the machine does, so nothing here fails; docs/performance.md says what is aimed at.
 */
import { loadavg } from 'node:os';
import { Machine, until } from '../machine.mjs';
import { Person } from '../ui/app.mjs';
import { Filler } from './fill.mjs';
import { beginFrames, heaps, noteFirst, percentile, rounded, spread } from './measure.mjs';

const setting = (name, usual) => Number(process.env[name] ?? usual);
const CHATS = setting('DUNLIN_BENCH_CHATS', 10_000);
const MESSAGES = setting('DUNLIN_BENCH_MESSAGES', 100_000);
const OPENINGS = setting('DUNLIN_BENCH_OPENINGS', 7);
const SENT = setting('DUNLIN_BENCH_SENT', 100);
/** Between the last letter and the key that sends. */
const WRITING_MS = 800;
/** A message that is not shown by then is lost. */
const SHOWN_MS = 30_000;
const SCROLL_MS = 8_000;
const LOOKED_MS = 5_000;
/** How long one opening may take, on a machine that does much else. */
const OPENING_MS = 180_000;
/** How long everything that was made may take to arrive in the browser. */
const ARRIVAL_MS = 30 * 60_000;

const say = (what, value) => console.log(`${what.padEnd(66)} ${value}`);

/** A page as if for the first time since the browser was started: no other one keeps the worker. */
async function opened(person, hash, slowed) {
  await person.page.close();
  await until('the worker is gone', async () => {
    const cdp = await person.context.browser().newBrowserCDPSession();
    const { targetInfos } = await cdp.send('Target.getTargets');
    await cdp.detach();
    return !targetInfos.some(({ type }) => type === 'shared_worker');
  });
  person.page = await person.context.newPage();
  const cdp = await person.context.newCDPSession(person.page);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: slowed });
  await person.page.addInitScript(noteFirst, { list: '#chats li', composer: '#composer', bubble: '.bubble' });
  await person.page.goto(`${person.machine.url}/${hash}`);
  await person.page.locator('#chats li').first().waitFor({ timeout: OPENING_MS });
  if (hash.startsWith('#/chat/')) await person.page.locator('.bubble').first().waitFor({ timeout: OPENING_MS });
  await until('it is painted', () =>
    person.page.evaluate(() => Object.values(window.firsts).every((at) => at !== null)),
  );
  const firsts = await person.page.evaluate(() => window.firsts);
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: 1 });
  await cdp.detach();
  return firsts;
}

async function openings(person, chat) {
  for (const slowed of [1, 4]) {
    const list = [];
    const composer = [];
    for (let turn = 0; turn < OPENINGS; turn += 1) {
      list.push((await opened(person, '#/', slowed)).list);
      const firsts = await opened(person, `#/chat/${chat}`, slowed);
      composer.push(Math.max(firsts.composer, firsts.bubble));
    }
    say(`list of chats from this browser, page slowed ${slowed} times, ms`, spread(list));
    say(`conversation and field to write in, page slowed ${slowed} times, ms`, spread(composer));
  }
}

async function scroll(person, what, selector, down) {
  const { page } = person;
  await page.locator(selector).hover();
  await page.evaluate(beginFrames);
  const until_ = Date.now() + SCROLL_MS;
  while (Date.now() < until_) {
    await page.mouse.wheel(0, down ? 240 : -240);
    await page.waitForTimeout(16);
  }
  const { frames, tasks } = await page.evaluate(() => ({ frames: window.frames_.slice(2), tasks: window.tasks }));
  const p95 = rounded(percentile(frames, 95), 1);
  say(
    `${what}: frame p50, p95, longest, ms`,
    `${rounded(percentile(frames, 50), 1)}, ${p95}, ${rounded(Math.max(...frames), 1)}`,
  );
  say(`${what}: tasks above 50 ms, and the longest`, `${tasks.length}, ${rounded(Math.max(0, ...tasks))}`);
}

async function arrived(person, chat) {
  const deadline = Date.now() + ARRIVAL_MS;
  for (;;) {
    const text = await person.page.locator('.side').innerText();
    const rows = await person.page
      .locator('#chats ul')
      .evaluate((node) => parseFloat(node.style.height) / 72)
      .catch(() => 0);
    if (rows >= CHATS && !/Catching up/.test(text)) break;
    if (Date.now() > deadline) throw new Error(`only ${rows} chats came`);
    await person.page.waitForTimeout(1_000);
  }
  await person.go(`#/chat/${chat}`);
  await person.composer().waitFor();
  // What is said while one is there goes on coming after the list is whole: until what the list says of it stays.
  const row = person.page.locator(`#chats a[href*="${chat}"]`);
  let before = '';
  for (;;) {
    const now = await row.innerText();
    if (now === before) break;
    if (Date.now() > deadline) throw new Error('messages still come');
    before = now;
    await person.page.waitForTimeout(5_000);
  }
}

async function much(machine) {
  const ada = await Person.sit(machine, 'Ada');
  await ada.register();
  const filler = await Filler.enter(machine);
  const user = await filler.person('ada@example.org');
  let begun = Date.now();
  await filler.chats(CHATS, user);
  const chat = await filler.conversation(MESSAGES, user);
  say('made, s', rounded((Date.now() - begun) / 1000));
  begun = Date.now();
  await arrived(ada, chat);
  say('arrived in the browser after that, s', rounded((Date.now() - begun) / 1000));
  // As people do, who look at what came before they close it.
  await ada.page.waitForTimeout(LOOKED_MS);
  await openings(ada, chat);
  await opened(ada, '#/', 1);
  await ada.page.waitForTimeout(3_000);
  await scroll(ada, `${CHATS} chats`, '#chats', true);
  await ada.go(`#/chat/${chat}`);
  await ada.page.locator('.bubble').first().waitFor();
  await ada.page.waitForTimeout(1_000);
  await scroll(ada, `${MESSAGES} messages`, '.scroller', false);
  // The browser does not always answer, and what was measured before counts all the same.
  const told = await heaps(ada.context, ada.page).then(
    ({ page, worker, wasm }) => `${page}, ${worker}, ${wasm}, ${rounded(page + worker + wasm)}`,
    ({ message }) => message,
  );
  say('heaps after that: page, worker, WebAssembly, together, MiB', told);
  await ada.context.close();
}

/** From the key that sends to the frame in which the other one's page shows it. */
async function between(machine) {
  const [ben, cleo] = await Promise.all(['Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ben.register(), cleo.register()]);
  await ben.find('Cleo');
  await ben.write('Hello');
  await cleo.open(/Ben/);
  await cleo.write('Hello too');
  await ben.reads('Hello too');
  await ben.page.evaluate(() => {
    window.sentAt = [];
    addEventListener(
      'keydown',
      ({ key }) => key === 'Enter' && window.sentAt.push(performance.timeOrigin + performance.now()),
      true,
    );
  });
  await cleo.page.evaluate(() => {
    window.shownAt = {};
    new MutationObserver(() => {
      const text = [...document.querySelectorAll('.bubble')].at(-1)?.textContent ?? '';
      const number = /^\s*#(\d+) /.exec(text)?.[1];
      if (number === undefined || window.shownAt[number] !== undefined) return;
      window.shownAt[number] = null;
      requestAnimationFrame(() => {
        window.shownAt[number] = performance.timeOrigin + performance.now();
        window.seen?.();
      });
    }).observe(document.querySelector('.scroller'), { childList: true, subtree: true, characterData: true });
  });
  const took = [];
  for (let number = 0; number < SENT; number += 1) {
    await ben.composer().fill(`#${number} `.padEnd(200, 'abcdefghi '));
    // Nobody writes so fast; what writing sets off (a draft, a word to the other side) is over when the key is pressed.
    await ben.page.waitForTimeout(WRITING_MS);
    // Nothing asks the page meanwhile: it says so itself.
    const shown = cleo.page.evaluate(
      ([number, patience]) =>
        new Promise((seen, lost) => {
          setTimeout(() => lost(new Error(`#${number} was not shown`)), patience);
          window.seen = () => window.shownAt[number] && seen(window.shownAt[number]);
          window.seen();
        }),
      [number, SHOWN_MS],
    );
    await ben.page.keyboard.press('Enter');
    took.push((await shown) - (await ben.page.evaluate((number) => window.sentAt[number], number)));
  }
  say(
    '200 bytes, key to frame, two browsers: p50, p95, least, most, ms',
    [percentile(took, 50), percentile(took, 95), Math.min(...took), Math.max(...took)]
      .map((one) => rounded(one, 1))
      .join(', '),
  );
  await ben.context.close();
  await cleo.context.close();
}

const machine = await Machine.start(process.env.DUNLIN_APP);
try {
  say('load of the machine at the beginning', loadavg()[0].toFixed(1));
  await between(machine);
  await much(machine);
  say('load of the machine at the end', loadavg()[0].toFixed(1));
} finally {
  await machine.end();
}
