import { constants } from 'node:os';
import { chromium } from 'playwright-core';

/** The system's Chromium, unless `CHROMIUM_BIN` names another, as every test starts it. Signals are for
 *  `endWithSignals`. */
export const CHROMIUM = {
  executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium',
  handleSIGHUP: false,
  handleSIGINT: false,
  handleSIGTERM: false,
};
export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const MEDIA_FLAGS = [
  // A microphone that beeps, and nobody to be asked about it.
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  // A turn of the wheel is over in one frame.
  '--disable-smooth-scrolling',
];

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** Has a signal end this process, and with it what it started: who waits for a browser that is gone would wait for ever. */
function endWithSignals() {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'])
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
}
endWithSignals();

export function launch(flags = []) {
  return chromium.launch({ ...CHROMIUM, args: [...FLAGS, ...MEDIA_FLAGS, ...flags] });
}

/** A page that notes what must never happen: errors, breaches of the policy, dialogs. */
export async function open(
  browser,
  address,
  { size = DESKTOP, theme = 'light', touch = false, locale = 'en-GB', motion = 'reduce' } = {},
) {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    hasTouch: touch,
    isMobile: touch,
    locale,
    timezoneId: 'Europe/Berlin',
    reducedMotion: motion,
  });
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push('dialog');
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || /Content Security Policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(address);
  return { page, context, faults };
}
