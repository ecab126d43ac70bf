/** Somebody with a phone, who has nothing but fingers and a small screen, and somebody at a desk. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { drawing } from '../../tests/page/files.mjs';
import { PHONE } from '../../tests/page/browser.mjs';
import { Machine } from '../machine.mjs';
import { journey, Person, until } from './app.mjs';
import { look, PICTURES, tray } from './media.mjs';

let machine;
let ada;
let ben;
const test = journey(() => [ada, ben]);
const tap = (role, name) => ada.page.getByRole(role, { name, exact: typeof name === 'string' }).tap();

/** How long a finger rests to open a menu; less does for `longPress.ts`. */
const REST_MS = 800;

async function rest(thing) {
  const { x, y, width, height } = await thing.boundingBox();
  const cdp = await ada.context.newCDPSession(ada.page);
  const finger = { x: x + width / 2, y: y + height / 2, duration: REST_MS, gestureSourceType: 'touch' };
  await cdp.send('Input.synthesizeTapGesture', finger);
  await cdp.detach();
}

/** Nothing stands out at the side. */
const fits = async () => assert.equal(await ada.page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben] = await Promise.all([
    Person.sit(machine, 'Ada', { viewport: PHONE, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }),
    Person.sit(machine, 'Ben'),
  ]);
  await ben.register();
});
after(() => machine?.end());

test('somebody registers and takes a name', async () => {
  const { page } = ada;
  await page.getByLabel('Phone number').tap();
  await page.keyboard.insertText('ada@example.org');
  await fits();
  await tap('button', 'Continue');
  await page.getByLabel('Code', { exact: true }).fill(await machine.codeFor('ada@example.org'));
  await tap('button', 'Log in');
  await page.getByRole('heading', { name: 'Dunlin' }).waitFor();
  await fits();
  await tap('button', 'Menu');
  await tap('menuitem', 'Settings');
  await tap('link', 'Profile');
  await page.getByLabel('Your name').fill('Ada');
  await tap('button', 'Save');
  await page.getByText('Saved').first().waitFor();
  await fits();
  for (const heading of ['Settings', 'Dunlin']) {
    await tap('link', 'Back');
    await page.getByRole('heading', { name: heading }).waitFor();
  }
});

test('the other one is found, written to, and answers', async () => {
  const { page } = ada;
  await page.getByRole('link', { name: 'New chat' }).first().tap();
  await page.getByRole('textbox', { name: 'Name, phone number' }).fill('ben@example.org');
  await tap('button', 'Find');
  await page.getByRole('list', { name: 'Contacts' }).getByRole('button', { name: 'Ben' }).tap();
  await ada.composer().tap();
  await page.keyboard.insertText('From the beach');
  // The key that ends a line on a phone does not send.
  await page.keyboard.press('Enter');
  await page.keyboard.insertText('It rains');
  await tap('button', 'Send');
  await ada.status('From the beach', /delivered|seen/);
  assert.deepEqual(await ada.texts(), ['From the beach\nIt rains']);
  await ben.row(/Ada.*From the beach.*1 unread message/).click();
  await ben.reads('From the beach');
  await ben.write('Come in, then');
  await ada.reads('Come in, then');
  await fits();
});

test('a message is answered by resting a finger on it', async () => {
  await rest(ada.bubble('Come in, then'));
  await tap('menuitem', 'Reply');
  await ada.page.getByText('Reply to Ben').waitFor();
  await ada.composer().fill('In a moment');
  await tap('button', 'Send');
  await ben.bubble('In a moment').getByText('Come in, then').waitFor();
  await ada.status('In a moment', 'seen');
  await ada.bubble('In a moment').getByText('Come in, then').waitFor();
});

test('a picture is sent, and looked at by both', async () => {
  const { page } = ada;
  const size = { width: 600, height: 900 };
  const buffer = await drawing(page, '#0000ff', 'image/jpeg', size);
  const chooser = page.waitForEvent('filechooser');
  await tap('button', 'Attach');
  await tap('menuitem', PICTURES);
  await (await chooser).setFiles([{ name: 'sky.jpg', mimeType: 'image/jpeg', buffer }]);
  await tray(ada).getByRole('textbox', { name: 'Add a caption' }).fill('The sky');
  await fits();
  await tray(ada).getByRole('button', { name: 'Send', exact: true }).tap();
  await tray(ada).waitFor({ state: 'detached' });
  const sent = { ...size, top: 'blue', bottom: 'blue' };
  assert.deepEqual(await look(ben.bubble('The sky').locator('img.whole')), sent);
  await ada.bubble('The sky').getByRole('button', { name: 'Open picture' }).tap();
  const shown = ada.dialog.getByRole('img', { name: 'Picture 1 of 1' });
  assert.deepEqual(await look(shown), sent);
  assert.ok((await shown.boundingBox()).width <= PHONE.width);
  await ada.dialog.getByRole('button', { name: 'Close' }).tap();
  await ada.dialog.waitFor({ state: 'detached' });
  await fits();
});

test('back in the list, the chat is muted by its menu', async () => {
  const { page } = ada;
  await tap('link', 'Back');
  await ada.row(/Ben.*The sky/).waitFor();
  await until('the list has the screen', async () => !(await ada.composer().isVisible()));
  await fits();
  // Android makes this of a finger that rests, and no Chromium elsewhere.
  await ada.row(/Ben/).dispatchEvent('contextmenu');
  await tap('menuitem', 'Mute');
  await ada.row(/Ben.*muted/).waitFor();
  await ben.write('Are you there?');
  await ada.row(/Ben.*muted.*Are you there\?.*1 unread message/).waitFor();
  await page.reload();
  await ada.row(/Ben.*muted.*Are you there\?/).tap();
  await ada.reads('Are you there?');
  await ben.status('Are you there?', 'seen');
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben]) await person.isWell();
});
