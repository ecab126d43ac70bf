/** Two people, three devices: a second browser is let in, both hold the same, and what fails in between is mended. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';

let machine;
let ada;
let second;
let ben;
const test = journey(() => [ada, second, ben].filter(Boolean));

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => Person.sit(machine, name)));
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('From the first browser');
  await ben.open(/Ada/);
  await ben.reads('From the first browser');
});
after(() => machine?.end());

test('a second browser is let in by the text of its QR code', async () => {
  second = await Person.sit(machine, 'Ada', { device: 'ada-2' });
  await second.logIn();
  await second.page.getByRole('img', { name: 'QR code that links this browser' }).waitFor();
  // It asks by itself too; whoever puts that away can still scan or paste.
  await ada.dialog.getByRole('button', { name: 'Refuse' }).waitFor();
  await second.page.getByRole('button', { name: 'Copy the code as text' }).click();
  const text = await until('it is copied', () => second.page.evaluate(() => navigator.clipboard.readText()));
  await ada.page.keyboard.press('Escape');
  await ada.dialog.waitFor({ state: 'detached' });
  await ada.go('#/settings/link');
  await ada.page.getByLabel('Or paste the text').fill(text);
  await ada.page.getByRole('button', { name: 'Link', exact: true }).click();
  await second.page.getByRole('heading', { name: 'Dunlin' }).waitFor();
  await ada.go('#/');
});

test('both browsers of one person show the same', async () => {
  await ada.open(/Ben/);
  await second.open(/Ben/);
  // What it writes goes out once it has the keys of the chat; what others wrote before that it cannot read.
  await second.write('From the second browser');
  await ada.reads('From the second browser');
  await ben.reads('From the second browser');
  await ben.write('Hello to both');
  await ada.reads('Hello to both');
  await second.reads('Hello to both');
  await ben.bubble('second browser').click({ button: 'right' });
  await ben.page.getByRole('menuitemradio', { name: 'React with ❤️' }).click();
  await ada.page.getByRole('button', { name: '❤️ by Ben' }).waitFor();
  await second.page.getByRole('button', { name: '❤️ by Ben' }).waitFor();
  await ada.menu('Hello to both', 'Delete for me');
  await second.bubble('Hello to both').waitFor({ state: 'detached' });
  await ben.reads('Hello to both');
});

test('a third browser is let in by comparing six digits', async () => {
  const third = await Person.sit(machine, 'Ben', { device: 'ben-2' });
  await third.logIn();
  await ben.dialog.getByRole('button', { name: 'It is mine' }).click();
  const digits = await third.page.getByLabel('Six-digit code').textContent();
  await ben.dialog.getByText(digits.trim()).waitFor();
  await ben.dialog.getByRole('button', { name: 'The same', exact: true }).click();
  await third.page.getByRole('button', { name: 'The same', exact: true }).click();
  await ben.dialog.getByText('The device is linked.').waitFor();
  await ben.dialog.getByRole('button', { name: 'Close' }).last().click();
  await third.page.getByRole('heading', { name: 'Dunlin' }).waitFor();
  await third.open(/Ada/);
  await third.write('Three of us');
  await ada.reads('Three of us');
  await second.reads('Three of us');

  await ben.go('#/settings/devices');
  await ben.page.getByRole('button', { name: /^Remove / }).click();
  await ben.dialog.getByRole('button', { name: 'Remove', exact: true }).click();
  await third.page.getByText('This browser was removed from your devices.').waitFor();
  await third.isWell();
  await third.context.close();
  await ben.open(/Ada/);
});

test('without a network everything is there, and what is written goes out later', async () => {
  await ada.context.setOffline(true);
  await machine.kill();
  await ada.page.getByText('No connection').waitFor();
  await ada.write('Written in the tunnel');
  await ada.bubble('tunnel').getByRole('img', { name: 'waiting' }).waitFor();
  await ada.write('Better not');
  await ada.menu('Better not', 'Do not send');
  await ada.bubble('Better not').waitFor({ state: 'detached' });
  await ada.page.reload();
  await ada.reads('Written in the tunnel');
  await ada.reads('From the second browser');
  await machine.serve();
  await ada.context.setOffline(false);
  await ben.reads('Written in the tunnel');
  await second.reads('Written in the tunnel');
  assert.equal(await ben.bubble('Better not').count(), 0);
});

test('a server that is killed in the middle loses nothing and says nothing twice', async () => {
  const said = Array.from({ length: 30 }, (_, number) => `Word ${number + 1}.`);
  for (const [index, text] of said.entries()) {
    await ada.write(text);
    if (index === 9) await machine.kill();
    if (index === 19) await machine.serve();
  }
  for (const person of [ada, second, ben]) {
    await until('all words came', async () => {
      const words = (await person.texts()).filter((text) => text.startsWith('Word'));
      return JSON.stringify(words) === JSON.stringify(said);
    });
  }
});

test('two tabs are one device', async () => {
  const tab = await ada.tab('#/');
  await tab.getByRole('link', { name: /Ben.*Word 30/ }).click();
  await Promise.all([ada.write('From one tab'), ada.write('From the other tab', tab)]);
  await ben.reads('From one tab');
  await ben.reads('From the other tab');
  await ada.reads('From the other tab');
  await ada.reads('From one tab', tab);
  await ada.page.close();
  ada.page = tab;
  await ada.write('One tab is left');
  await ben.reads('One tab is left');
});

test('what was there the last time is shown before there is a core', async () => {
  const page = await ada.context.newPage();
  await page.addInitScript(() => {
    // It says that it begins, and not a word more.
    window.SharedWorker = class {
      port = {
        postMessage: ({ type }) => type === 'hello' && setTimeout(() => this.begin()),
        close() {},
      };
      begin() {
        const lock = 'of a worker that lives';
        // Were it free, the tab would take the worker for dead.
        void navigator.locks.request(lock, () => new Promise(() => {}));
        this.port.onmessage({ data: { type: 'hello', lock } });
        this.port.onmessage({
          data: { type: 'events', events: [{ type: 'session', session: { state: 'starting' } }] },
        });
      }
    };
  });
  await page.goto(ada.page.url());
  // It is kept a second after it changed.
  await until('it is shown', async () => {
    await page.reload();
    // Nothing comes after what this page opened with.
    const newest = ada.bubble('One tab is left', page);
    return newest.waitFor({ timeout: 2_000 }).then(
      () => true,
      () => false,
    );
  });
  await page.getByRole('link', { name: /Ben.*One tab is left/ }).waitFor();
  await ada.composer(page).waitFor();
  await page.close();
});

test('settings are kept: words, colours, who sees when one was there, storage', async () => {
  const { page } = ada;
  await ada.go('#/settings/look');
  await page.getByText('Dark', { exact: true }).click();
  await page.getByLabel('Language').selectOption('de');
  await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await page.getByLabel('Sprache').selectOption('en');
  await ada.go('#/settings/privacy');
  await page.getByRole('radio', { name: 'Nobody' }).check();
  await page.getByText('Saved').first().waitFor();
  await page.reload();
  await until('it is kept', () => page.getByRole('radio', { name: 'Nobody' }).isChecked());
  await ada.go('#/settings/storage');
  await page.getByText(/\d+ messages on this device/).waitFor();
});

test('somebody who writes is heard of, and how is up to the person', async () => {
  const { page } = ada;
  await page.evaluate(() => {
    window.shown = [];
    Notification.requestPermission = async () => 'granted';
    Object.defineProperty(Notification, 'permission', { get: () => 'granted' });
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) =>
      void window.shown.push([title, options.body]);
  });
  await ada.go('#/settings/notifications');
  await page.getByRole('switch', { name: 'Show notifications' }).click();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  // What came while the page was away is not shouted about: somebody may have to say it again.
  await until('it is shown', async () => {
    await ben.write('Psst');
    await page.waitForTimeout(1_000);
    return page.evaluate(() => window.shown.length > 0);
  });
  assert.equal((await page.evaluate(() => window.shown))[0][0], 'Ben');
});

test('keys lead everywhere', async () => {
  const { page } = ada;
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('ben');
  await page.keyboard.press('Enter');
  await ada.composer().waitFor();
  await page.keyboard.press('Control+/');
  await ada.dialog.getByRole('heading', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
});

async function logOut(person) {
  await person.go('#/settings');
  await person.page.getByRole('button', { name: 'Log out' }).click();
  await person.dialog.getByRole('button', { name: 'Log out' }).click();
  await person.page.getByLabel('Phone number').waitFor();
}

test('who logs out leaves nothing in the page, and nothing in the browser', async () => {
  const { page } = second;
  await second.open(/Ben/);
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await logOut(second);
  assert.equal(await page.evaluate(() => location.hash), '#/');
  // Somebody else comes, and nobody loads the page anew.
  second.name = 'Dora';
  await second.logIn();
  await page.getByRole('heading', { name: 'Dunlin' }).waitFor();
  assert.equal(await page.locator('#chats li').count(), 0);
  await page.getByText('Your chats will stand here.').waitFor();
  assert.doesNotMatch(await page.locator('main').innerText(), /Ben|browser/);
  await logOut(second);
  await page.reload();
  await second.page.getByLabel('Phone number').waitFor();
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, second, ben]) await person.isWell();
});
