/** Two people talk, each in a browser, over a real server. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Machine } from '../machine.mjs';
import { choose, journey, Person, until } from './app.mjs';

let machine;
let ada;
let ben;
const test = journey(() => [ada, ben]);

before(async () => {
  machine = await Machine.start(process.env.DUNLIN_APP);
  [ada, ben] = await Promise.all(['Ada', 'Ben'].map((name) => Person.sit(machine, name)));
});
after(() => machine?.end());

test('two people register and find each other', async () => {
  await ada.page.getByLabel('Phone number').fill('ada@example.org');
  await ada.page.keyboard.press('Enter');
  await ada.page.getByLabel('Code', { exact: true }).fill('000000');
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('alert').getByText('The code is wrong').waitFor();
  await ada.page.reload();
  await Promise.all([ada.register(), ben.register()]);
  await ada.find('Ben');
  await ada.write('Good morning');
  await ada.status('Good morning', 'delivered');
  await ben.row(/Ada.*Good morning.*1 unread message/).click();
  await ben.reads('Good morning');
  await ada.status('Good morning', 'seen');
  await ben.write('Good *evening* https://example.org/tide');
  await ada.reads('Good evening');
  const link = ada.bubble('Good evening').getByRole('link', { name: 'https://example.org/tide' });
  assert.match(await link.getAttribute('rel'), /noopener/);
});

test('each sees that the other writes, and is there', async () => {
  await ada.page.locator('header').getByText('online').waitFor();
  await ben.composer().pressSequentially('Hm');
  await ada.page.locator('header').getByText('writing…').waitFor();
  await ben.composer().fill('');
  await ada.page.locator('header').getByText('writing…').waitFor({ state: 'detached' });
});

test('messages are answered, edited, reacted to and deleted', async () => {
  await ada.menu('Good evening', 'Reply');
  await ada.write('Low tide is at six');
  await ada.status('Low tide', 'seen');
  await ben.bubble('Low tide').getByText('Good evening').waitFor();
  await ada.composer().press('ArrowUp');
  assert.equal(await ada.composer().inputValue(), 'Low tide is at six');
  await ada.write('Low tide is at seven');
  await ben.bubble('at seven').getByText('edited').waitFor();

  await ben.bubble('at seven').click({ button: 'right' });
  await ben.page.getByRole('menuitemradio', { name: 'React with 👍' }).click();
  await ada.page.getByRole('button', { name: '👍 by Ben' }).waitFor();
  await ben.page.getByRole('button', { name: '👍 by You' }).click();
  await ada.page.getByRole('button', { name: '👍 by Ben' }).waitFor({ state: 'detached' });
  await ada.page.getByRole('button', { name: 'Emoji' }).click();
  await ada.page.getByPlaceholder('Search emoji').fill('cake');
  await ada.page.keyboard.press('Enter');
  await ada.page.keyboard.press('Escape');
  await ada.page.getByRole('button', { name: 'Send' }).click();
  await ben.reads(/🎂|🍰/u);

  await ada.menu('at seven', 'Delete for everyone');
  await ada.page.getByRole('button', { name: 'Delete for everyone' }).click();
  await ben.reads('Message deleted');
  await ben.menu('Message deleted', 'Delete for me');
  await ben.bubble('Message deleted').waitFor({ state: 'detached' });
  await ada.reads('Message deleted');
});

test('it is shown who has received and seen a message', async () => {
  await ada.write('Did you see this?');
  await ada.status('Did you see', 'seen');
  await ada.menu('Did you see', 'Message info');
  await ada.dialog.getByRole('heading', { name: 'Seen' }).waitFor();
  await ada.dialog.getByText('Ben', { exact: true }).waitFor();
  await ada.page.keyboard.press('Escape');
});

test('blocks of code and marks are shown as such, and what is hostile as text', async () => {
  await ben.write('```\nlet tide = 7;\n``` and ~no~ _yes_ <img src=x onerror=alert(1)>');
  const bubble = ada.bubble('let tide = 7;');
  await bubble.locator('pre, code').first().waitFor();
  await bubble.getByText('<img src=x onerror=alert(1)>').waitFor();
});

test('a draft waits in its chat, and on other screens', async () => {
  await ada.composer().fill('Half a thought');
  await ada.go('#/');
  await ada.row(/Ben.*Draft: Half a thought/).waitFor();
  await ada.page.reload();
  await ada.open(/Ben/);
  await until('the draft is back', async () => (await ada.composer().inputValue()) === 'Half a thought');
  await ada.composer().fill('');
});

test('chats are pinned, muted and archived', async () => {
  const pick = (item) => choose(ben.page, ben.row(/Ada/), item, { button: 'right' });
  await ben.go('#/');
  await pick('Pin to the top');
  await ben.row(/Ada.*pinned/).waitFor();
  await pick('Mute');
  await ben.row(/Ada.*muted/).waitFor();
  await pick('Archive');
  await ben.page.getByRole('link', { name: /1 chat in the archive/ }).click();
  await pick('Take out of the archive');
  await ben.go('#/');
  await ben.row(/Ada/).waitFor();
  await pick('Unmute');
});

test('messages are found, in all chats and in one', async () => {
  await ben.page.getByPlaceholder('Search', { exact: true }).fill('morning');
  await ben.page.getByRole('link', { name: /Good morning/ }).click();
  await ben.page.locator('li.shown', { hasText: 'Good morning' }).waitFor();
  await ben.page.getByPlaceholder('Search', { exact: true }).fill('');
  await ben.page.getByRole('button', { name: 'Search in this chat' }).click();
  await ben.page.getByRole('searchbox', { name: 'Search in this chat' }).fill('good');
  await ben.page.getByText('1 of 2').waitFor();
  await ben.page.getByRole('button', { name: 'Earlier hit' }).click();
  await ben.page.getByText('2 of 2').waitFor();
  await ben.page.getByRole('search').last().getByRole('button', { name: 'Close' }).click();
});

test('a chat opens at what is unread, and a long one can be read from its beginning', async () => {
  await ben.go('#/settings');
  await ben.page.getByRole('heading', { name: 'Settings' }).waitFor();
  // The chat stays open beside the settings; elsewhere it is not looked at.
  await ben.go('#/archive');
  await ben.page.reload();
  for (let number = 1; number <= 60; number += 1) await ada.write(`Line ${number}`);
  await ada.status('Line 60', 'delivered');
  await ben.go('#/');
  await ben.row(/Ada.*60 unread messages/).click();
  await ben.page.getByText('New messages').waitFor();
  await ben.page.getByRole('button', { name: /To the newest message/ }).click();
  await ben.reads('Line 60');
  await ada.status('Line 60', 'seen');
  await until('the beginning is reached', async () => {
    await ben.page.locator('.scroller').evaluate((node) => node.scrollTo(0, 0));
    return (await ben.bubble('Good morning').count()) > 0;
  });
});

test('messages disappear when a timer is set', async () => {
  await ada.open(/Ben/);
  await ada.page.getByRole('link', { name: /Ben.*Details/ }).click();
  const timer = ada.details.getByLabel(/Disappearing messages/);
  await timer.selectOption({ index: 1 });
  await ada.page.getByText('You set messages to disappear').waitFor();
  await ada.write('Soon gone');
  await ada.bubble('Soon gone').getByRole('img', { name: 'disappears' }).waitFor();
  await timer.selectOption({ index: 0 });
  await ada.page.getByText('You turned disappearing messages off').waitFor();
});

test('safety numbers are the same at both, and a mark is kept', async () => {
  const digits = async (person, other) => {
    await person.open(other);
    await person.page.getByRole('link', { name: /Details/ }).click();
    await person.details.getByRole('button', { name: /Safety number/ }).click();
    await person.dialog.getByText(/^Compare these digits/).waitFor();
    return person.dialog.locator('.digits').textContent();
  };
  assert.equal(await digits(ada, /Ben/), await digits(ben, /Ada/));
  await ada.dialog.getByRole('switch', { name: /Compared and the same/ }).click();
  await ada.page.keyboard.press('Escape');
  await ada.page.locator('.middle').getByRole('img', { name: 'Verified' }).waitFor();
  await ben.page.keyboard.press('Escape');
});

test('somebody is a contact, is blocked, and is let in again', async () => {
  await ada.details.getByRole('button', { name: 'Add to contacts' }).click();
  await ada.details.getByRole('button', { name: 'Remove from contacts' }).waitFor();
  await ada.go('#/new');
  await ada.page.getByRole('list', { name: 'Contacts' }).getByRole('button', { name: 'Ben' }).click();
  await ada.page.getByRole('link', { name: /Ben.*Details/ }).click();
  await ada.details.getByRole('button', { name: 'Block', exact: true }).click();
  await ada.dialog.getByRole('button', { name: 'Block', exact: true }).click();
  await ada.page.getByText('You have blocked this person.').waitFor();
  await ben.write('Can you hear me?');
  await ben.page.getByText('One of you has blocked the other.').first().waitFor();
  await ada.go('#/settings/privacy');
  const unblock = ada.page.getByRole('button', { name: 'Unblock' });
  await unblock.click();
  await unblock.waitFor({ state: 'detached' });
  await ada.open(/Ben/);
  await ben.write('And now?');
  await ada.reads('And now?');
  assert.equal(await ada.bubble('Can you hear me?').count(), 0);
});

test('nothing went wrong meanwhile', async () => {
  for (const person of [ada, ben]) await person.isWell();
});
