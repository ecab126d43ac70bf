import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, memory } from './harness.mjs';
import { PHONE } from './browser.mjs';

const visit = bench();
const ADA = 'ada'.padEnd(26, '0');
const composer = (page) => page.getByRole('textbox', { name: 'Message' });
const bubble = (page, text) => page.locator('.bubble', { hasText: text });
const menu = async (page, text, item) => {
  await bubble(page, text).last().click({ button: 'right' });
  await page.getByRole('menuitem', { name: item, exact: true }).click();
};

test('logs in by address and code, and says when the code is wrong', () =>
  visit('/?state=loggedOut', async (page) => {
    await page.getByLabel('Phone number').fill('+4912345');
    await page.keyboard.press('Enter');
    await page.getByLabel('Code', { exact: true }).fill('000000');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('The code is wrong').waitFor();
    await page.getByLabel('Code', { exact: true }).fill('123456');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
  }));

test('links this browser by a QR code and the same digits', () =>
  visit('/?state=linking', async (page) => {
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await memory(page, (core) => core.setSession({ ...core.world.session, code: '204 913' }));
    await page.getByText('204 913').waitFor();
    await page.getByRole('button', { name: 'The same', exact: true }).click();
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
  }));

test('answers another device that wants to be linked', () =>
  visit('/', async (page) => {
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
    await memory(page, (core) => core.tell({ type: 'linkAsked', device: 3 }));
    await page.getByRole('button', { name: 'It is mine' }).click();
    await page.getByText('204 913').waitFor();
    await page.getByRole('button', { name: 'The same', exact: true }).click();
    await page.getByText('The device is linked.').waitFor();
  }));

test('sends, and shows sent, delivered and seen', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).fill('On my way');
    await page.keyboard.press('Enter');
    const sent = bubble(page, 'On my way');
    await sent.getByRole('img', { name: 'sent' }).waitFor();
    for (const status of ['delivered', 'seen']) {
      await memory(
        page,
        (core, status) => {
          const { place } = core.world.rooms.get('chatada').items.at(-1);
          core.change('chatada', place.at, (message) => ({ ...message, status }));
        },
        status,
      );
      await sent.getByRole('img', { name: status }).waitFor();
    }
    assert.equal(await composer(page).inputValue(), '');
    assert.equal(await sent.count(), 1);
  }));

test('keeps what was written without a connection, and says so', () =>
  visit('/#/chat/chatada', async (page) => {
    await composer(page).waitFor();
    await memory(page, (core) => core.setConnection({ state: 'offline', why: 'test' }));
    await page.getByText('No connection').waitFor();
    await composer(page).fill('Later');
    await page.keyboard.press('Enter');
    await bubble(page, 'Later').getByRole('img', { name: 'waiting' }).waitFor();
    await menu(page, 'Later', 'Do not send');
    await bubble(page, 'Later').waitFor({ state: 'detached' });
  }));

test('replies, edits, reacts, deletes', () =>
  visit('/#/chat/chatada', async (page) => {
    await menu(page, 'Deal. Tide is', 'Reply');
    await composer(page).fill('Half past, please');
    await page.keyboard.press('Enter');
    await bubble(page, 'Half past').getByText('Deal. Tide is lowest').waitFor();
    await bubble(page, 'Half past').getByRole('img', { name: 'seen' }).waitFor();

    await menu(page, 'Half past', 'Edit');
    assert.equal(await composer(page).inputValue(), 'Half past, please');
    await composer(page).fill('Quarter past');
    await page.keyboard.press('Enter');
    await bubble(page, 'Quarter past').getByText('edited').waitFor();

    await bubble(page, 'Quarter past').click({ button: 'right' });
    await page.getByRole('menuitemradio', { name: 'React with 👍' }).click();
    await page.getByRole('button', { name: '👍 by You' }).click();
    await page.getByRole('button', { name: '👍 by You' }).waitFor({ state: 'detached' });

    await menu(page, 'Quarter past', 'Delete for everyone');
    await page.getByRole('button', { name: 'Delete for everyone' }).click();
    await bubble(page, 'Message deleted').waitFor();
    await menu(page, 'Message deleted', 'Delete for me');
    await bubble(page, 'Message deleted').waitFor({ state: 'detached' });
  }));

test('shows who has seen a message', () =>
  visit('/#/chat/chatflat', async (page) => {
    await menu(page, 'I take over at ten', 'Message info');
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('heading', { name: /Seen/ }).waitFor();
    await dialog.getByText('Ben Okafor').waitFor();
  }));

test('mentions a member of a group', () =>
  visit('/#/chat/chatflat', async (page) => {
    await composer(page).pressSequentially('Thanks @han');
    await page.getByRole('option', { name: /Hana/ }).waitFor();
    await page.keyboard.press('Enter');
    assert.equal(await composer(page).inputValue(), 'Thanks @Hana Kobayashi ');
    await page.keyboard.press('Enter');
    await bubble(page, 'Thanks').getByRole('button', { name: '@Hana Kobayashi' }).waitFor();
    // Who is named stays named when the words around it change, and what was written meanwhile keeps its own.
    await bubble(page, 'Thanks').locator('svg.waiting').waitFor({ state: 'detached' });
    await composer(page).pressSequentially('Ask @da');
    await page.getByRole('option', { name: /Dara/ }).waitFor();
    await page.keyboard.press('Enter');
    await menu(page, 'Thanks', 'Edit');
    assert.equal(await composer(page).inputValue(), 'Thanks @Hana Kobayashi');
    await composer(page).press('End');
    await composer(page).pressSequentially(' and @cle');
    await page.getByRole('option', { name: /Cleo/ }).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await bubble(page, 'Thanks').getByRole('button', { name: '@Cleo Marchetti' }).waitFor();
    await bubble(page, 'Thanks').getByRole('button', { name: '@Hana Kobayashi' }).waitFor();
    assert.equal(await composer(page).inputValue(), 'Ask @Dara Nasser ');
    await page.keyboard.press('Enter');
    await bubble(page, 'Ask').getByRole('button', { name: '@Dara Nasser' }).waitFor();
  }));

test('picks an emoji by a German word', () =>
  visit('/#/chat/chatada', async (page) => {
    await page.getByRole('button', { name: 'Emoji' }).click();
    await page.getByPlaceholder('Search emoji').fill('geburtstag');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    assert.equal(await composer(page).inputValue(), '🎂');
  }));

test('opens a chat at what is unread, and marks it as seen', () =>
  visit('/', async (page) => {
    const row = page.getByRole('link', { name: /Harbour Street/ });
    await row.getByText('3 unread messages').waitFor();
    await row.click();
    await page.getByText('New messages').waitFor();
    await row.getByText('unread').waitFor({ state: 'detached' });
  }));

test('hears what others say, writes who is writing, and reads it aloud', () =>
  visit('/#/chat/chatada', async (page) => {
    await composer(page).waitFor();
    await memory(page, (core, user) => core.tell({ type: 'typing', chat: 'chatada', user, typing: true }), ADA);
    await page.locator('header').getByText('writing…').waitFor();
    await memory(page, (core, user) => core.tell({ type: 'typing', chat: 'chatada', user, typing: false }), ADA);
    await memory(page, (core, user) => core.say('chatada', user, 'Look *up*'), ADA);
    await bubble(page, 'Look up').waitFor();
    await page.locator('[aria-live=polite]', { hasText: 'Ada Lindqvist: Look up' }).waitFor();
  }));

test('an edit takes nothing away of what was being written', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).fill('To be changed');
    await page.keyboard.press('Enter');
    await bubble(page, 'To be changed').getByRole('img', { name: 'sent' }).waitFor();
    await composer(page).fill('Half a thought');
    await menu(page, 'To be changed', 'Edit');
    assert.equal(await composer(page).inputValue(), 'To be changed');
    await page.keyboard.press('Escape');
    assert.equal(await composer(page).inputValue(), 'Half a thought');
    await menu(page, 'To be changed', 'Edit');
    await composer(page).fill('Changed');
    await page.keyboard.press('Enter');
    await bubble(page, 'Changed').getByText('edited').waitFor();
    assert.equal(await composer(page).inputValue(), 'Half a thought');
    // Somebody who leaves in the middle of an edit leaves the thought, and not the edit.
    await menu(page, 'Changed', 'Edit');
    await page.getByRole('link', { name: /Mama/ }).click();
    await page.getByRole('link', { name: /Ada Lindqvist.*Draft: Half a thought/ }).waitFor();
  }));

test('words that are refused later stand where they were written', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).fill('And now');
    const refuse = (chat) =>
      memory(
        page,
        (core, chat) =>
          core.tell({ type: 'refused', chat, failure: { code: 'notAMember', message: 'no' }, words: 'Said before' }),
        chat,
      );
    await refuse('chatada');
    await page.waitForFunction(() => document.querySelector('#composer').value === 'And now\nSaid before');
    await page.getByText('You are not a member of this chat.', { exact: true }).first().waitFor();
    await refuse('chatemil');
    await page
      .getByText(/^Emil.*: You are not a member of this chat\.$/)
      .first()
      .waitFor();
    assert.equal(await composer(page).inputValue(), 'And now\nSaid before');
    // Whoever cannot write there any more can still take them elsewhere.
    await memory(page, (core) => {
      core.world.rooms.get('chatada').details.isMember = false;
      core.tell({ type: 'chat', chat: 'chatada' });
    });
    await page.locator('.unsent').getByText('Said before').waitFor();
  }));

test('a question about one chat does not lie over the next', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).fill('To be deleted');
    await page.keyboard.press('Enter');
    await bubble(page, 'To be deleted').getByRole('img', { name: 'sent' }).waitFor();
    await menu(page, 'To be deleted', 'Delete for everyone');
    await page.getByRole('dialog').waitFor();
    await page.evaluate(() => (location.hash = '#/chat/chatwalk'));
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.evaluate(() => (location.hash = '#/chat/chatada'));
    await bubble(page, 'To be deleted').waitFor();
  }));

test('what is refused is not shown as if it were so', () =>
  visit('/?quiet#/chat/chatwalk/details', async (page) => {
    const timer = page.getByRole('combobox', { name: /Disappearing messages/ });
    await timer.waitFor();
    await memory(page, (core) => {
      core.setTimer = async () => {
        throw { code: 'forbidden', message: 'no' };
      };
    });
    await timer.selectOption('86400');
    await page.getByText('You may not do that.').first().waitFor();
    assert.equal(await timer.inputValue(), '0');
    await page.evaluate(() => {
      Notification.requestPermission = async () => 'default';
      location.hash = '#/settings/notifications';
    });
    const notifications = page.getByRole('switch', { name: /Show notifications/ });
    await notifications.click();
    await page.waitForTimeout(100);
    assert.equal(await notifications.isChecked(), false);
  }));

test('selecting text and letting go beside a dialog does not close it', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).waitFor();
    await page.keyboard.press('Control+/');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    const { x, y, width } = await dialog.locator('.inside').boundingBox();
    await page.mouse.move(x + width / 2, y + 20);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    await dialog.waitFor();
    await page.mouse.click(5, 5);
    await dialog.waitFor({ state: 'detached' });
  }));

test('who went while there was no connection is not shown as online', () =>
  visit('/?quiet#/chat/chatada', async (page) => {
    await composer(page).waitFor();
    await memory(page, (core, user) => core.tell({ type: 'presence', presence: { user, online: true } }), ADA);
    await page.locator('.middle').getByText('online').waitFor();
    await memory(page, (core) => core.setConnection({ state: 'offline', why: 'test' }));
    await page.locator('.middle').getByText('online').waitFor({ state: 'detached' });
  }));

test('keeps a draft when one goes elsewhere', () =>
  visit('/#/chat/chatada', async (page) => {
    await composer(page).fill('Half a thought');
    await page.getByRole('link', { name: /Mama/ }).click();
    await page.getByRole('link', { name: /Ada Lindqvist.*Draft: Half a thought/ }).click();
    await page.waitForFunction(() => document.querySelector('textarea')?.value === 'Half a thought');
  }));

test('pins, mutes and archives', () =>
  visit('/', async (page) => {
    const pick = async (item) => {
      await page.getByRole('link', { name: /Mama/ }).click({ button: 'right' });
      await page.getByRole('menuitem', { name: item }).click();
    };
    await pick('Pin to the top');
    await page.getByRole('link', { name: /Mama.*pinned/ }).waitFor();
    await pick('Mute');
    await page.getByRole('link', { name: /Mama.*muted/ }).waitFor();
    await pick('Archive');
    await page.getByRole('link', { name: /2 chats in the archive/ }).click();
    await page.getByRole('link', { name: /Mama/ }).waitFor();
  }));

test('searches names and messages, and goes to what it found', () =>
  visit('/', async (page) => {
    await page.getByPlaceholder('Search').fill('telescope');
    await page.getByRole('link', { name: /I bring the telescope/ }).click();
    await page.locator('li.shown', { hasText: 'I bring the telescope' }).waitFor();
    await page.getByPlaceholder('Search').fill('sorensen');
    assert.equal(await page.getByRole('link', { name: /Emil Sørensen/ }).count(), 0, 'ø is a letter of its own');
    await page.getByPlaceholder('Search').fill('yildiz');
    await page.getByPlaceholder('Search').fill('emil');
    await page.getByRole('link', { name: /Emil Sørensen/ }).waitFor();
  }));

test('makes a group, gives somebody a role, makes a link and withdraws it', () =>
  visit('/#/group', async (page) => {
    await page.getByLabel('Name of the group').fill('Walk on Sunday');
    await page.getByRole('checkbox', { name: 'Ada Lindqvist' }).click();
    await page.getByRole('checkbox', { name: 'Ben Okafor' }).click();
    await page.getByText('2 people chosen').waitFor();
    await page.getByRole('button', { name: 'Create group' }).click();
    await page.getByRole('link', { name: /Walk on Sunday.*Details/ }).click();
    const details = page.getByRole('region', { name: 'Details' });
    await details.getByRole('button', { name: 'Ben Okafor' }).click();
    await page.getByRole('menuitem', { name: 'Make admin' }).click();
    await details.getByRole('button', { name: /Ben Okafor admin/ }).click();
    await page.getByRole('menuitem', { name: 'Ban' }).click();
    await page.getByRole('button', { name: 'Ban', exact: true }).click();
    await details.getByRole('button', { name: /Ben Okafor admin/ }).waitFor({ state: 'detached' });
    await details.getByRole('button', { name: /Ben Okafor/ }).click();
    await details.getByRole('button', { name: /Ben Okafor/ }).waitFor({ state: 'detached' });
    await details.getByRole('button', { name: 'Make a link' }).click();
    await details.getByText('/#/join/k3v9-sample').waitFor();
    await details.getByRole('button', { name: 'Withdraw link' }).click();
    await details.getByRole('button', { name: 'Make a link' }).waitFor();
  }));

test('joins by an invite link', () =>
  visit('/#/join/k3v9-sample', async (page) => {
    await page.getByRole('button', { name: 'Join', exact: true }).click();
    await page.getByRole('link', { name: /A group you were invited to.*Details/ }).waitFor();
  }));

test('compares a safety number and marks it', () =>
  visit('/#/chat/chatemil', async (page) => {
    await page.getByRole('button', { name: /safety number with Emil/ }).click();
    await page.getByText('37915').waitFor();
    await page.getByRole('switch', { name: /Compared and the same/ }).click();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.locator('.middle').getByRole('img', { name: 'Verified' }).waitFor();
  }));

test('a key that changes while its number is compared is not marked', () =>
  visit('/?quiet#/chat/chatemil', async (page) => {
    await page.getByRole('button', { name: /safety number with Emil/ }).click();
    await page.getByText('37915').waitFor();
    await memory(page, (core) => {
      window.marked = 0;
      core.setVerified = async () => void (window.marked += 1);
      core.safetyNumber = async () => ({ digits: '1'.repeat(60), verified: false });
      core.tell({ type: 'people' });
    });
    await page.getByText('Their key has changed. Compare the number again.').first().waitFor();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => window.marked), 0);
    await page.getByRole('button', { name: /safety number with Emil/ }).click();
    await page.getByText('11111').first().waitFor();
    await memory(page, (core) => {
      core.setVerified = async () => {
        throw { code: 'conflict', message: 'no' };
      };
    });
    await page.getByRole('switch', { name: /Compared and the same/ }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }));

test('speaks German, and remembers that and the colours', () =>
  visit('/#/settings/look', async (page) => {
    await page.getByLabel('Language').selectOption('de');
    await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
    await page.getByText('Dunkel').click();
    await page.reload();
    await page.getByRole('heading', { name: 'Aussehen' }).waitFor();
    assert.equal(
      await page.evaluate(() => document.documentElement.lang + document.documentElement.dataset.theme),
      'dedark',
    );
  }));

test('asks for notifications only on a click', () =>
  visit('/', async (page) => {
    await page.evaluate(() => {
      window.asked = 0;
      Notification.requestPermission = async () => ((window.asked += 1), 'granted');
    });
    await page.getByRole('link', { name: /Ada Lindqvist/ }).waitFor();
    assert.equal(await page.evaluate(() => window.asked), 0);
    await page.evaluate(() => (location.hash = '#/settings/notifications'));
    await page.getByRole('switch', { name: /Show notifications/ }).click();
    await page.waitForFunction(() => window.asked === 1);
  }));

test('has one pane on a phone, and back leads to the list', () =>
  visit(
    '/',
    async (page) => {
      await page.getByRole('link', { name: /Ada Lindqvist/ }).tap();
      await composer(page).waitFor();
      assert.equal(await page.locator('.side').isVisible(), false);
      await page.getByRole('link', { name: 'Back' }).tap();
      await page.getByRole('link', { name: /Harbour Street/ }).waitFor();
      assert.equal(await page.locator('.middle').isVisible(), false);
      await page.getByRole('link', { name: /Ada Lindqvist/ }).tap();
      await page.goBack();
      await page.getByRole('link', { name: /Harbour Street/ }).waitFor();
    },
    { size: PHONE, touch: true },
  ));

test('gives fingers targets of 44 pixels', () =>
  visit(
    '/#/chat/chatada',
    async (page) => {
      await composer(page).waitFor();
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('.icon-button, .send, .button, .field, .row')]
          .filter((node) => node.checkVisibility() && !node.matches('.unseen'))
          .map((node) => ({
            name: node.getAttribute('aria-label') ?? node.className,
            box: node.getBoundingClientRect(),
          }))
          .filter(({ box }) => box.height < 44 || box.width < 44)
          .map(({ name }) => name),
      );
      assert.deepEqual(small, []);
    },
    { size: PHONE, touch: true },
  ));
