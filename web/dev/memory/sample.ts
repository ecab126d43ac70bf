/** People who do not exist and what they say, so that the app can be seen and tested without a server. */
import type { Attachment, ChatKind, Item, Message, Person, Status } from '../../src/core/api';
import { HOSTILE, hostileFiles } from './hostile';
import { Album } from './pictures';
import { device, type Room, type World } from './world';

const ME = 'me000000000000000000000000';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const NAMES: [string, string][] = [
  ['ada', 'Ada Lindqvist'],
  ['ben', 'Ben Okafor'],
  ['cleo', 'Cleo Marchetti'],
  ['dara', 'Dara Nasser'],
  ['emil', 'Emil Sørensen'],
  ['fatma', 'Fatma Yıldız'],
  ['gus', 'Gus Whitfield'],
  ['hana', 'Hana Kobayashi'],
  ['ilan', 'אילן ברק'],
  ['mama', 'Mama'],
];

const id = (name: string) => name.padEnd(26, '0');

function person(key: string, name: string): Person {
  return { user: id(key), name, isContact: true, isBlocked: false, verified: key === 'ada' || key === 'mama' };
}

export function room(chat: string, kind: ChatKind, title: string, members: string[], time: number): Room {
  const roles = [
    { user: ME, role: kind === 'direct' ? ('member' as const) : ('owner' as const) },
    ...members.map((user) => ({ user, role: 'member' as const })),
  ];
  const peer = kind === 'direct' ? members[0] : undefined;
  return {
    details: {
      chat,
      kind,
      encrypted: true,
      title,
      isMember: true,
      banned: [],
      members: roles.length,
      unread: 0,
      draft: '',
      waiting: 0,
      active: time,
      pinned: false,
      muted: false,
      archived: false,
      description: '',
      roles,
      seen: 0,
      myRole: kind === 'direct' ? 'member' : 'owner',
      ...(peer ? { peer } : {}),
    },
    items: [],
    made: 0,
    recipients: new Map(),
  };
}

export function said(seq: number, user: string, time: number, text: string, more: Partial<Message> = {}): Message {
  const status: Status = 'seen';
  return {
    type: 'message',
    place: { at: seq },
    sender: device(user),
    time,
    body: { kind: 'text', text, mentions: [] },
    reactions: [],
    isBeingDeleted: false,
    ...(user === ME ? { status } : {}),
    ...more,
  };
}

function talk(room: Room, start: number, lines: [string, string, Partial<Message>?][], gap = 2 * MINUTE): void {
  lines.forEach(([who, text, more], index) => {
    const seq = room.made + room.items.length + 1;
    room.items.push(said(seq, who === 'me' ? ME : id(who), start + index * gap, text, more));
  });
}

function settle(room: Room, unread = 0): Room {
  const last = room.made + room.items.length;
  room.details.unread = unread;
  room.details.seen = last - unread;
  room.details.active = room.items.at(-1)?.time ?? room.details.active;
  return room;
}

function family(now: number): Room[] {
  const ada = room('chatada', 'direct', 'Ada Lindqvist', [id('ada')], now);
  const before = now - 26 * HOUR;
  ada.items.push({ type: 'event', seq: 1, time: before - HOUR, what: { kind: 'keys', what: 'started' } });
  talk(ada, before, [
    ['ada', 'Did you see the birds on the flats this morning?'],
    ['ada', 'There must have been *two thousand* of them, all turning at once'],
    ['me', 'No! I overslept 🙈', { reactions: [{ emoji: '😂', users: [id('ada')], isOwn: false }] }],
    ['me', 'Was it the dunlins again?'],
    [
      'ada',
      'Yes. You can tell by the bill, it droops a little at the tip. Here is the page I told you about: https://example.org/birds/dunlin?season=autumn',
    ],
  ]);
  talk(
    ada,
    now - 42 * MINUTE,
    [
      ['me', 'Saturday then. I bring the telescope, you bring coffee ☕'],
      [
        'ada',
        'Deal. Tide is lowest at 07:40, so we should leave at six',
        {
          replyTo: {
            seq: 7,
            sender: device(ME),
            preview: { kind: 'text', text: 'Saturday then. I bring the telescope, you bring coffee ☕' },
          },
        },
      ],
      ['me', 'Six in the _morning_?', { edited: { time: now, original: 'Six?', isWaiting: false } }],
      ['ada', '🌅'],
      [
        'me',
        'Fine. But only because it is you',
        { status: 'delivered', reactions: [{ emoji: '❤️', users: [id('ada'), ME], isOwn: true }] },
      ],
    ],
    3 * MINUTE,
  );
  settle(ada);
  ada.details.pinned = true;

  const flat = room('chatflat', 'group', 'Harbour Street 12', ['ben', 'cleo', 'dara', 'hana'].map(id), now);
  flat.details.description = 'Everything about the house. Bins on Tuesday.';
  flat.items.push({ type: 'event', seq: 1, time: now - 3 * DAY, sender: device(ME), what: { kind: 'created' } });
  flat.items.push({
    type: 'event',
    seq: 2,
    time: now - 3 * DAY,
    sender: device(ME),
    what: { kind: 'added', users: ['ben', 'cleo', 'dara', 'hana'].map(id) },
  });
  talk(flat, now - 5 * HOUR, [
    ['ben', 'The boiler is making that noise again'],
    ['ben', 'I called them, someone comes on Thursday between 8 and 12'],
    ['cleo', 'I can be there until ten'],
    [
      'me',
      'I take over at ten then',
      { reactions: [{ emoji: '👍', users: [id('ben'), id('cleo'), id('dara')], isOwn: false }] },
    ],
  ]);
  talk(flat, now - 14 * MINUTE, [
    [
      'dara',
      '@Hana Kobayashi do you still have the key of the cellar?',
      {
        body: {
          kind: 'text',
          text: '@Hana Kobayashi do you still have the key of the cellar?',
          mentions: [{ start: 0, end: 15, user: id('hana') }],
        },
      },
    ],
    ['hana', 'Yes, it hangs beside the door. The code of the box is `4711`, please ~do not~ tell anyone'],
    ['hana', 'And the list for the party:\n```\nbread\ncheese\nolives\n```'],
  ]);
  settle(flat, 3);

  const mama = room('chatmama', 'direct', 'Mama', [id('mama')], now);
  talk(mama, now - 3 * HOUR, [
    ['mama', 'Have you eaten?'],
    ['me', 'Yes, Mama ❤️'],
  ]);
  settle(mama).details.draft = 'I will call you on';

  const ilan = room('chatilan', 'direct', 'אילן ברק', [id('ilan')], now);
  talk(ilan, now - 20 * HOUR, [
    ['ilan', 'מה שלומך? הגעת הביתה?'],
    ['me', 'Yes! תודה רבה'],
    ['ilan', 'לילה טוב 🌙'],
  ]);
  settle(ilan);

  const emil = room('chatemil', 'direct', 'Emil Sørensen', [id('emil')], now);
  talk(emil, now - 2 * DAY, [['me', 'Did the parcel arrive?', { status: 'delivered' }]]);
  emil.items.push({
    type: 'notice',
    seq: 2,
    time: now - 30 * HOUR,
    what: { kind: 'identityChanged', user: id('emil'), wasVerified: true },
  });
  emil.items.push({
    ...said(0, ME, now - HOUR, 'I am on a train, this goes out later'),
    place: { waiting: 1 },
    status: 'waiting',
  });
  settle(emil).details.waiting = 1;

  const choir = room('chatchoir', 'group', 'Choir, second voices', ['fatma', 'gus', 'hana', 'emil'].map(id), now);
  choir.details.roles = [
    { user: id('fatma'), role: 'owner' },
    { user: ME, role: 'member' },
    { user: id('gus'), role: 'admin' },
    { user: id('hana'), role: 'member' },
  ];
  choir.details.myRole = 'member';
  choir.details.members = 4;
  talk(choir, now - 4 * DAY, [
    ['fatma', 'Rehearsal moves to Wednesday'],
    ['gus', 'Again?'],
  ]);
  choir.items.push(said(3, id('gus'), now - 4 * DAY, '', { body: { kind: 'deleted' } }));
  settle(choir, 12).details.muted = true;

  const old = room('chatold', 'direct', 'Gus Whitfield', [id('gus')], now);
  talk(old, now - 60 * DAY, [['gus', 'Sold the bicycle, thanks anyway']]);
  settle(old).details.archived = true;
  return [ada, flat, mama, ilan, emil, choir, old];
}

/** A conversation of 100,000 messages whose texts are made when they are asked for. */
export function long(chat: string, count: number, now: number): Room {
  const words =
    'the tide comes in over the flats and every bird moves one step further up the shore until there is no shore left'.split(
      ' ',
    );
  const made = room(chat, 'direct', 'A long story', [id('cleo')], now);
  made.made = count;
  made.make = (seq): Item => {
    const length = 2 + ((seq * 7919) % 40);
    const text = `${seq}: ${Array.from({ length }, (_, index) => words[(seq + index * 3) % words.length]).join(' ')}`;
    return said(seq, seq % 3 === 0 ? ME : id('cleo'), now - (count - seq) * 3 * MINUTE - MINUTE, text);
  };
  settle(made);
  made.details.active = now - MINUTE;
  return made;
}

/** A walk with pictures, a video, voices and documents. */
function walk(now: number, album: Album): Room {
  const made = room('chatwalk', 'group', 'Estuary walk', ['ada', 'ben', 'hana'].map(id), now);
  const files = (
    who: string,
    files: Attachment[],
    caption = '',
    more: Partial<Message> = {},
  ): [string, string, Partial<Message>] => [
    who,
    '',
    { body: { kind: 'files', caption, mentions: [], files }, ...more },
  ];
  talk(made, now - 150 * MINUTE, [
    files('ben', [album.picture(1, 1600, 1200)], 'First light, and nobody else out there'),
    files(
      'me',
      [1, 2, 3, 4, 5].map((seed) => album.picture(seed * 7, 1600, seed === 2 ? 2000 : 1100)),
      '',
      {
        reactions: [{ emoji: '😮', users: [id('ada'), id('hana')], isOwn: false }],
      },
    ),
    files('hana', [album.voice(1, 14_000)]),
    files('ada', [album.video(3, 640, 360)], 'They *turn* all at once'),
    files('ben', [album.file('Tide tables 2026 (northern coast).pdf', 'application/pdf', 2_431_000, '%PDF-1.7')]),
    files('me', [album.voice(5, 6200)], '', { status: 'delivered' }),
    files('hana', [album.picture(13, 1200, 1600), album.picture(8, 1600, 1200)], 'Mine: https://example.org/flats'),
    files('ben', [album.sound('Dunlin call.mp3', 'audio/mpeg', 9000)]),
  ]);
  return settle(made);
}

function many(count: number, now: number): Room[] {
  return Array.from({ length: count }, (_, index) => {
    const made = room(
      `chatmany${index}`,
      index % 4 === 0 ? 'group' : 'direct',
      `Chat number ${index + 1}`,
      [id(NAMES[index % NAMES.length]?.[0] ?? 'ada')],
      now,
    );
    talk(made, now - index * 7 * MINUTE, [
      [NAMES[index % NAMES.length]?.[0] ?? 'ada', `What was said last in chat ${index + 1}`],
    ]);
    return settle(made, index % 9 === 0 ? 1 : 0);
  });
}

/** `wanted`: `state` (loggedOut, cleared, revoked, linking, ready), `chats` (a number), `long` (a number of messages), `hostile`, `quiet`. */
export function sample(wanted: URLSearchParams, now: number): World {
  const people = new Map(NAMES.map(([key, name]) => [id(key), person(key, name)]));
  const me = { ...person('me', 'Robin'), user: ME };
  people.set(ME, me);
  const album = new Album();
  const rooms = [...family(now), walk(now, album)];
  if (wanted.has('long')) rooms.push(long('chatlong', Number(wanted.get('long')), now));
  if (wanted.has('chats')) rooms.push(...many(Number(wanted.get('chats')), now));
  if (wanted.has('hostile')) {
    const evil = room('chatevil', 'group', HOSTILE[0] ?? '', [id('gus')], now);
    HOSTILE.forEach((text, index) =>
      evil.items.push(said(index + 1, id('gus'), now - (HOSTILE.length - index) * MINUTE, text)),
    );
    evil.details.description = HOSTILE[1] ?? '';
    hostileFiles(album).forEach((files, index) =>
      evil.items.push(
        said(HOSTILE.length + 1 + index, id('gus'), now, '', {
          body: { kind: 'files', caption: HOSTILE[2] ?? '', mentions: [], files },
        }),
      ),
    );
    rooms.push(settle(evil));
    people.set(id('gus'), { ...person('gus', HOSTILE[3] ?? ''), about: HOSTILE[0] ?? '' });
  }
  const ready = { state: 'ready' as const, me: ME, device: 1, name: 'Robin', address: '+4912345678' };
  const states = {
    loggedOut: { state: 'loggedOut' as const },
    cleared: { state: 'loggedOut' as const, why: 'cleared' as const },
    revoked: { state: 'loggedOut' as const, why: 'revoked' as const },
    linking: {
      state: 'linking' as const,
      text: 'DUNLIN:LINK/1/ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJ',
      otherDevices: ['Terminal on Linux'],
    },
    ready,
  };
  const state = wanted.get('state') ?? 'ready';
  return {
    me: ME,
    session: state in states ? states[state as keyof typeof states] : ready,
    connection: { state: 'online', caughtUp: true },
    people,
    addresses: new Map([
      ['+4900000001', id('ada')],
      ['gus@example.org', id('gus')],
    ]),
    presence: new Map([
      [id('ada'), { user: id('ada'), online: true }],
      [id('mama'), { user: id('mama'), online: false, lastSeen: now - 50 * MINUTE }],
      [id('emil'), { user: id('emil'), online: false, lastSeen: now - 26 * HOUR }],
    ]),
    rooms: new Map(rooms.map((room) => [room.details.chat, room])),
    files: album.makers,
    devices: [
      { number: 1, name: 'Chrome on Linux', isThis: true, created: now - 3 * DAY },
      { number: 2, name: 'Terminal on laptop', isThis: false, created: now - 40 * DAY, lastUsed: now - 2 * HOUR },
    ],
    profile: { name: 'Robin', about: 'Out on the flats', lastSeen: 'contacts' },
    echo: !wanted.has('quiet'),
  };
}
