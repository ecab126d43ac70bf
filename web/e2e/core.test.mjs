/** The core in real browsers against a real server. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { after, before, test as begin } from 'node:test';
import { CorePage, Machine, PATIENCE_MS, until } from './machine.mjs';

/** One after the other: each goes on where the one before it ended. */
const test = (name, run) => begin(name, { timeout: 2 * PATIENCE_MS }, run);

const people = {};
let machine;
/** Of Ada and Ben. */
let chat;

before(async () => {
  machine = await Machine.start(join(import.meta.dirname, '../dist-core'));
  for (const name of ['ada', 'ben']) {
    const browser = await machine.browser(name);
    people[name] = await CorePage.open(machine, browser);
    people[name].browser = browser;
  }
});
after(() => machine?.end());

test('people register in browsers and talk', async () => {
  const { ada, ben } = people;
  const session = await ada.logIn('ada');
  assert.equal(session.state, 'ready');
  assert.equal(session.address, 'ada@example.org');
  assert.equal((await ben.logIn('ben')).state, 'ready');
  await ada.isCaughtUp();
  await ben.isCaughtUp();
  const person = await ada.call('findPerson', 'ben@example.org');
  ada.peer = person.user;
  chat = await ada.call('startDirect', person.user);
  const { place } = await ada.call('sendText', chat, 'Good morning');
  assert.ok(place > 0);
  await ben.shows(chat, ['Good morning']);
  await until('it is told', () => ben.page.evaluate(() => window.events.some((event) => event.type === 'notify')));
  await ben.call('sendText', chat, 'Good evening');
  await ada.shows(chat, ['Good morning', 'Good evening']);
  const first = await ada.said(chat, 'Good morning');
  await ben.call('markSeen', chat, first.place.at);
  await until('it was seen', async () => (await ada.said(chat, 'Good morning')).status === 'seen');
  const info = await ada.call('messageInfo', chat, first.place.at);
  assert.deepEqual(info.recipients, [{ user: person.user, status: 'seen' }]);
});

test('what is said is answered, changed, reacted to, found and deleted', async () => {
  const { ada, ben } = people;
  const first = await ben.said(chat, 'Good morning');
  const mentions = [{ start: 6, end: 10, user: ada.peer }];
  await ben.call('sendText', chat, 'To 😀 @Ben', { replyTo: first.place.at, mentions });
  const reply = await until('the answer', () => ada.said(chat, 'To 😀 @Ben'));
  assert.deepEqual(reply.replyTo.preview, { kind: 'text', text: 'Good morning' });
  assert.deepEqual(reply.body.mentions, mentions);
  await ben.call('react', chat, first.place.at, '👍');
  await until('the reaction', async () => (await ada.said(chat, 'Good morning')).reactions[0]?.emoji === '👍');
  await ben.call('react', chat, first.place.at, undefined);
  await until('it is taken back', async () => (await ada.said(chat, 'Good morning')).reactions.length === 0);
  const named = [{ start: 12, end: 16, user: ada.peer }];
  await ben.call('edit', chat, reply.place.at, 'To everyone @Ben', named);
  const edited = await until('the edit', () => ada.said(chat, 'To everyone @Ben'));
  assert.deepEqual(edited.body.mentions, named);
  assert.equal(edited.edited.original, 'To 😀 @Ben');
  const found = await ada.call('find', 'every', undefined, 10);
  assert.deepEqual(
    found.map((one) => one.message.place.at),
    [reply.place.at],
  );
  await ben.call('deleteForEveryone', chat, reply.place.at);
  await ada.shows(chat, ['Good morning', 'Good evening', 'deleted']);
  await assert.rejects(ada.call('edit', chat, 9_999, 'nothing'), { code: 'notFound' });
});

test('a group is made, named, joined by its link and left', async () => {
  const { ada, ben } = people;
  const group = await ada.call('createGroup', 'Walkers', [ada.peer]);
  await ada.call('sendText', group, 'Sunday?');
  await ben.shows(group, ['Sunday?']);
  assert.equal((await ben.call('chat', group)).title, 'Walkers');
  await ada.call('setTitle', group, 'Runners');
  await until('the new name', async () => (await ben.call('chat', group)).title === 'Runners');
  await assert.rejects(ben.call('removeMember', group, (await ada.call('session')).me), { code: 'forbidden' });
  await ben.call('leave', group);
  await until('he left', async () => (await ada.call('chat', group)).members === 1);
  const code = await ada.call('makeInvite', group);
  assert.equal((await ada.call('chat', group)).inviteCode, code);
  assert.equal(await ben.call('join', code), group);
  await until('he is back', async () => (await ada.call('chat', group)).members === 2);
  await ben.call('sendText', group, 'Sunday!');
  await until('it came', () => ada.said(group, 'Sunday!'));
  await ada.call('setChatFlags', group, { pinned: true, muted: true });
  await ada.call('setChatFlags', group, { muted: false });
  const { pinned, muted, archived } = (await ada.call('chats', 0, 10)).find((one) => one.chat === group);
  assert.deepEqual([pinned, muted, archived], [true, false, false]);
});

test('without the server everything is there, and what is said goes out later, once', async () => {
  const { ada, ben } = people;
  await machine.kill();
  await until('it is noticed', async () => (await ada.call('connection')).state === 'offline');
  await ada.call('setDraft', chat, 'Are you there');
  await ada.call('sendText', chat, 'Are you there?');
  assert.equal((await ada.call('chat', chat)).draft, '', 'what is sent is no draft any more');
  await ada.call('setDraft', chat, 'Half a');
  await ada.page.reload();
  await ada.shows(chat, ['Good morning', 'Good evening', 'deleted', 'Are you there?*']);
  assert.equal((await ada.call('chat', chat)).draft, 'Half a');
  assert.equal((await ada.call('session')).state, 'ready');
  await machine.serve();
  await ben.shows(chat, ['Good morning', 'Good evening', 'deleted', 'Are you there?']);
  await ada.shows(chat, ['Good morning', 'Good evening', 'deleted', 'Are you there?']);
});

test('two tabs share one core and one connection', async () => {
  const { ada, ben } = people;
  await ada.isCaughtUp();
  await ben.isCaughtUp();
  const links = machine.links;
  const second = await CorePage.open(machine, ada.browser);
  await second.shows(chat, await ada.texts(chat));
  await Promise.all([ada.call('sendText', chat, 'from one'), second.call('sendText', chat, 'from the other')]);
  await until('both came', async () => {
    const texts = await ben.texts(chat);
    return ['from one', 'from the other'].every((text) => texts.filter((one) => one === text).length === 1);
  });
  assert.equal(machine.links, links, 'a second tab makes no connection of its own');
  const told = () => second.page.evaluate(() => window.events.some((event) => event.type === 'messages'));
  await until('the other tab is told', told);
  await second.page.close();
  await ada.call('sendText', chat, 'still here');
  await until('it came', () => ben.said(chat, 'still here'));
});

test('a tab that is killed while it sends has sent what was promised, once', async () => {
  const { ada, ben } = people;
  await ada.page.evaluate((chat) => {
    window.promised = [];
    for (let number = 0; number < 30; number += 1) {
      const text = `number ${number}`;
      void window.core.sendText(chat, text).then(() => window.promised.push(text));
    }
  }, chat);
  await until('some are promised', () => ada.page.evaluate(() => window.promised.length >= 3));
  const promised = await ada.page.evaluate(() => window.promised);
  await ada.kill();
  const texts = await until('all came', async () => {
    const texts = (await ben.texts(chat)).filter((text) => text.startsWith('number'));
    return promised.every((text) => texts.includes(text)) && texts;
  });
  const both = () => Promise.all([ada, ben].map(async (person) => JSON.stringify(await person.texts(chat))));
  await until('both have the same', async () => {
    const [own, theirs] = await both();
    return own === theirs;
  });
  const again = (await ben.texts(chat)).filter((text) => text.startsWith('number'));
  assert.equal(new Set(again).size, again.length, `something came twice: ${again}`);
  assert.ok(texts.length >= promised.length);
});

test('a browser is let in by a scanned text, and another by comparing codes', async () => {
  const { ada, ben } = people;
  const scanned = await CorePage.open(machine, await machine.browser('ada-2'));
  const session = await scanned.logIn('ada');
  assert.equal(session.state, 'linking');
  const { text } = await until('the text', async () => {
    const now = await scanned.call('session');
    return now.text && now;
  });
  await ada.call('scanLink', text);
  await until('it is let in', async () => (await scanned.call('session')).state === 'ready');
  await scanned.isCaughtUp();
  await scanned.call('sendText', chat, 'from my second browser');
  await until('it came to others', () => ben.said(chat, 'from my second browser'));
  await until('it came to the first browser', () => ada.said(chat, 'from my second browser'));

  const numbers = (await ada.call('devices')).map(({ number }) => number);
  const compared = await CorePage.open(machine, await machine.browser('ada-3'));
  assert.equal((await compared.logIn('ada')).state, 'linking');
  const device = (await ada.call('devices')).map(({ number }) => number).find((number) => !numbers.includes(number));
  await until('it asks', async () => (await ada.event('linkAsked')).device === device);
  await ada.call('answerLink', device);
  const { code } = await ada.event('linkCode');
  await until('the same code', async () => (await compared.call('session')).code === code);
  await ada.call('confirmLink', device);
  await compared.call('confirmCode');
  await until('it is let in', async () => (await compared.call('session')).state === 'ready');
  assert.equal((await ada.call('devices')).length, 3);

  await ada.call('revokeDevice', (await compared.call('session')).device);
  const gone = await until('it is out', async () => {
    const now = await compared.call('session');
    return now.state === 'loggedOut' && now;
  });
  assert.equal(gone.why, 'revoked');
});

test('rows come from the end alike, whether the browser gives them at once or one by one', async () => {
  const both = () =>
    people.ada.page.evaluate(async () => {
      const vault = await window.openVault();
      const load = async (limit) => {
        const miss = { from: new Uint8Array([1]), until: new Uint8Array([255]), descending: true, limit };
        const { from, until, keys, values } = await vault.load(miss);
        const rows = keys.map((key, index) => [key.join(), values[index].join()]).sort();
        return { from: from.join(), until: until.join(), rows };
      };
      const all = [await load(5), await load(100_000)];
      const given = IDBObjectStore.prototype.getAllRecords;
      delete IDBObjectStore.prototype.getAllRecords;
      try {
        return { given: given !== undefined, at: all, one: [await load(5), await load(100_000)] };
      } finally {
        IDBObjectStore.prototype.getAllRecords = given;
        vault.close();
      }
    });
  // The worker may put something down between two of them.
  const read = await until('they are alike', async () => {
    const read = await both();
    return isDeepStrictEqual(read.at, read.one) && read;
  });
  assert.ok(read.given, 'this browser gives them at once');
  assert.deepEqual([read.at[0].rows.length, read.at[1].from], [5, '1']);
  assert.ok(read.at[1].rows.length > 5);
});

test('a full disk stops the core, and nothing is lost once there is space', async () => {
  const { ada, ben } = people;
  const cdp = await ada.browser.newCDPSession(ada.page);
  const origin = machine.url;
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
  const text = 'x'.repeat(30_000);
  // What is free is known to the browser from before, so it takes a while until it notices.
  const refused = await until('it is full', async () => {
    const sent = await Promise.allSettled(Array.from({ length: 10 }, () => ada.call('setDraft', chat, text)));
    return sent.find(({ status }) => status === 'rejected')?.reason;
  });
  assert.equal(refused.code, 'storage');
  assert.equal((await ada.call('session')).state, 'blocked');
  await cdp.send('Storage.overrideQuotaForOrigin', { origin });
  await ada.page.reload();
  await until('it goes on', async () => (await ada.call('session')).state === 'ready');
  await ada.call('sendText', chat, 'space again');
  await until('it came', () => ben.said(chat, 'space again'));
});

test('who logs out, or clears the site, leaves nothing behind', async () => {
  const { ada, ben } = people;
  await ben.call('logOut');
  assert.deepEqual(await ben.call('session'), { state: 'loggedOut', why: 'loggedOut' });
  assert.deepEqual(await ben.storedRows(), 0);
  const cdp = await ada.browser.newCDPSession(ada.page);
  await cdp.send('Storage.clearDataForOrigin', { origin: machine.url, storageTypes: 'indexeddb' });
  const session = await until('it is noticed', async () => {
    const now = await ada.call('session');
    return now.state === 'loggedOut' && now;
  });
  assert.equal(session.why, 'cleared');
  assert.equal((await ada.logIn('ada')).state, 'linking');
});

test('who asks for more than is answered is told so', async () => {
  const page = await CorePage.open(machine, people.ada.browser);
  const codes = await page.page.evaluate(async () => {
    const asked = Array.from({ length: 1_001 }, () => window.core.session().then(() => 'answered'));
    const ends = await Promise.allSettled(asked);
    return ends.map(({ value, reason }) => value ?? reason.code);
  });
  assert.deepEqual([codes.filter((code) => code === 'answered').length, codes.at(-1)], [1_000, 'busy']);
  await page.page.close();
});

test('a worker that others took over from writes nothing any more', async () => {
  const browser = await machine.browser('dora');
  const first = await CorePage.open(machine, browser);
  assert.equal((await first.logIn('dora')).state, 'ready');
  const group = await first.call('createGroup', 'Quiet', []);
  // As a release that knows no shared workers, and a browser that gives its lock away.
  await browser.addInitScript(() => delete globalThis.SharedWorker);
  const second = await CorePage.open(machine, browser);
  await until('it waits', async () => (await second.call('session')).state === 'blocked');
  await first.page.evaluate(() => navigator.locks.request('dunlin-core', { steal: true }, () => {}));
  await until('it takes over', async () => (await second.call('session')).state === 'ready');
  await second.call('setDraft', group, 'kept');
  const refused = await first.page.evaluate(
    (group) => window.core.setDraft(group, 'lost').catch(({ code }) => code),
    group,
  );
  assert.equal(refused, 'otherTab');
  assert.equal((await first.call('session')).failure.code, 'otherTab');
  await second.page.reload();
  await until('it is there', async () => (await second.call('session')).state === 'ready');
  assert.equal((await second.call('chat', group)).draft, 'kept');
});

test('where browsers have no shared workers, one tab runs the core and the next waits for it', async () => {
  const browser = await machine.browser('cleo');
  await browser.addInitScript(() => delete globalThis.SharedWorker);
  const first = await CorePage.open(machine, browser);
  assert.equal((await first.logIn('cleo')).state, 'ready');
  const second = await CorePage.open(machine, browser);
  const session = await until('it waits', async () => {
    const now = await second.call('session');
    return now.state !== 'starting' && now;
  });
  assert.equal(session.failure.code, 'otherTab');
  await first.page.close();
  await until('it takes over', async () => (await second.call('session')).state === 'ready');
});
