/** The app as a person uses it: in a browser with a profile of its own, by what is written on things. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE_MS, until } from '../machine.mjs';
import { workerFaults } from './worker.mjs';

const SIZE = { width: 1280, height: 800 };
/** What browsers write about a server that is not there, or says no: wrong codes are tried too. It is not a fault of the page. */
const EXPECTED =
  /net::ERR_(CONNECTION|INTERNET|EMPTY|NETWORK)|WebSocket connection to|responded with a status of 4\d\d/;

/** Tests that go on where the one before ended: after one that failed, the rest says so at once. */
export function journey(people) {
  let failed;
  return (name, run) =>
    test(name, { timeout: 4 * PATIENCE_MS }, async () => {
      if (failed) throw new Error(`it could not be tried: ${failed}`);
      try {
        await run();
      } catch (error) {
        failed = `${name}: ${error.message}`;
        if (process.env.DUNLIN_PICTURES) {
          for (const { device, page } of people())
            await page.screenshot({ path: `${process.env.DUNLIN_PICTURES}/${device}.png` });
        }
        throw error;
      }
    });
}

/** A person at a browser. */
export class Person {
  faults = [];

  constructor(machine, name, context) {
    this.machine = machine;
    this.name = name;
    this.context = context;
  }

  /** Opens the app in a new browser. */
  static async sit(machine, name, { device = name, ...options } = {}) {
    const context = await machine.browser(device, {
      viewport: SIZE,
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      reducedMotion: 'reduce',
      permissions: ['clipboard-read', 'clipboard-write'],
      ...options,
    });
    const person = new Person(machine, name, context);
    person.device = device;
    await context.addInitScript(() =>
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
        console.error(`Content Security Policy: ${violatedDirective} ${blockedURI}`),
      ),
    );
    person.page = await person.tab();
    return person;
  }

  /** Another tab. What must never happen is noted from all of them. */
  async tab(hash = '') {
    const page = await this.context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.faults.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.faults.push('dialog');
      void dialog.dismiss();
    });
    page.on('console', (message) => {
      if (message.type() === 'error' || /Content Security Policy/i.test(message.text())) this.blame(message.text());
    });
    await page.goto(`${this.machine.url}/${hash}`);
    return page;
  }

  blame(text) {
    if (!EXPECTED.test(text)) this.faults.push(text);
  }

  /** Enters address and code. */
  async logIn() {
    const { page } = this;
    const address = `${this.name.toLowerCase()}@example.org`;
    await page.getByLabel('Phone number').fill(address);
    await page.keyboard.press('Enter');
    const code = page.getByLabel('Code', { exact: true });
    await code.waitFor();
    await code.fill(await this.machine.codeFor(address));
    await page.keyboard.press('Enter');
  }

  /** Registers, and takes a name. */
  async register() {
    await this.logIn();
    await this.page.getByRole('heading', { name: 'Dunlin' }).waitFor();
    await this.go('#/settings/profile');
    await this.page.getByLabel('Your name').fill(this.name);
    await this.page.getByRole('button', { name: 'Save' }).click();
    await this.page.getByText('Saved').first().waitFor();
    await this.go('#/');
  }

  go(hash, page = this.page) {
    return page.evaluate((hash) => (location.hash = hash), hash);
  }

  /** A chat in the list. */
  row(name) {
    return this.page.getByRole('region', { name: 'Chats' }).getByRole('link', { name });
  }

  async open(name) {
    await this.go('#/');
    await this.row(name).click();
    await this.composer().waitFor();
  }

  composer(page = this.page) {
    return page.getByRole('textbox', { name: 'Message' });
  }

  get details() {
    return this.page.getByRole('region', { name: 'Details' });
  }

  get dialog() {
    return this.page.getByRole('dialog');
  }

  async write(text, page = this.page) {
    await this.composer(page).fill(text);
    await page.keyboard.press('Enter');
  }

  bubble(text, page = this.page) {
    return page.locator('.bubble', { hasText: text });
  }

  async reads(text, page = this.page) {
    await this.bubble(text, page).first().waitFor();
  }

  async menu(text, item) {
    await this.bubble(text).last().click({ button: 'right' });
    await this.page.getByRole('menuitem', { name: item, exact: true }).click();
  }

  /** Waits until a message of one's own has got so far. */
  async status(text, status) {
    await this.bubble(text).last().getByRole('img', { name: status }).waitFor();
  }

  /** The texts of the open conversation, oldest first. */
  texts(page = this.page) {
    return page.locator('.bubble .text').evaluateAll((nodes) =>
      nodes.map((node) => {
        const words = node.cloneNode(true);
        words.querySelector('.meta')?.remove();
        return words.textContent.trim();
      }),
    );
  }

  /** Begins a chat with somebody by their address. */
  async find(name) {
    const { page } = this;
    await this.go('#/new');
    await page.getByRole('textbox', { name: 'Name, phone number' }).fill(`${name.toLowerCase()}@example.org`);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByRole('list', { name: 'Contacts' }).getByRole('button', { name }).click();
    // The chat that was open stays beside the first pane until then.
    await page.getByRole('link', { name: new RegExp(`${name}.*Details`) }).waitFor();
    await this.composer().waitFor();
  }

  /** Makes a group with people found by their addresses. */
  async group(title, names) {
    const { page } = this;
    await this.go('#/group');
    await page.getByLabel('Name of the group').fill(title);
    for (const name of names) {
      await page.getByRole('textbox', { name: 'Name, phone number' }).fill(`${name.toLowerCase()}@example.org`);
      await page.getByRole('button', { name: 'Find' }).click();
      await page.getByRole('checkbox', { name }).click();
    }
    await page.getByRole('button', { name: 'Create group' }).click();
    await page.getByRole('link', { name: new RegExp(`${title}.*Details`) }).waitFor();
    await this.composer().waitFor();
  }

  /** Sits down at one more browser, and lets it in by comparing six digits. */
  async another(device) {
    const other = await Person.sit(this.machine, this.name, { device });
    await other.logIn();
    await this.dialog.getByRole('button', { name: 'It is mine' }).click();
    const digits = await other.page.getByLabel('Six-digit code').textContent();
    await this.dialog.getByText(digits.trim()).waitFor();
    await this.dialog.getByRole('button', { name: 'The same', exact: true }).click();
    await other.page.getByRole('button', { name: 'The same', exact: true }).click();
    await this.dialog.getByText('The device is linked.').waitFor();
    await this.dialog.getByRole('button', { name: 'Close' }).last().click();
    await other.page.getByRole('heading', { name: 'Dunlin' }).waitFor();
    return other;
  }

  /** Nothing went wrong that nobody saw. */
  async isWell() {
    for (const fault of await workerFaults(this.context)) this.blame(fault);
    assert.deepEqual(this.faults, [], `faults at ${this.name}`);
  }
}

/** A choice in a menu that a thing opens. */
export async function choose(page, thing, item, how = {}) {
  await thing.click(how);
  await page.getByRole('menuitem', { name: item, exact: true }).click();
}

export { until };
