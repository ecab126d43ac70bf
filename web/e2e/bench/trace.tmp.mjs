import { writeFileSync } from 'node:fs';
import { Machine } from '../machine.mjs';
import { Person } from '../ui/app.mjs';
const machine = await Machine.start(process.env.DUNLIN_APP);
try {
  const [ben, cleo] = await Promise.all(['Ben', 'Cleo'].map((name) => Person.sit(machine, name)));
  await Promise.all([ben.register(), cleo.register()]);
  await ben.find('Cleo');
  await ben.write('Hello');
  await cleo.open(/Ben/);
  await cleo.write('Hello too');
  await ben.reads('Hello too');
  for (let n = 0; n < 30; n += 1) { await ben.composer().fill(`pre ${n}`); await ben.page.keyboard.press('Enter'); await ben.page.waitForTimeout(150); }
  const who = process.env.WHO === 'ben' ? ben : cleo;
  const cdp = await who.context.browser().newBrowserCDPSession();
  const events = [];
  cdp.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const done = new Promise((r) => cdp.once('Tracing.tracingComplete', r));
  await cdp.send('Tracing.start', { traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'blink', 'cc', 'viz', 'gpu', 'IndexedDB', 'disabled-by-default-devtools.timeline', 'sequence_manager','v8'] }, transferMode: 'ReportEvents' });
  for (let number = 0; number < 20; number += 1) {
    await ben.composer().fill(`#${number} `.padEnd(200, 'abcdefghi '));
    await ben.page.waitForTimeout(800);
    await ben.page.evaluate(() => performance.mark('KEY'));
    await ben.page.keyboard.press('Enter');
    await ben.page.waitForTimeout(600);
  }
  await cdp.send('Tracing.end');
  await done;
  writeFileSync(process.env.OUT ?? '/tmp/prof/trace.json', JSON.stringify(events));
  await ben.context.close(); await cleo.context.close();
} finally { await machine.end(); }
