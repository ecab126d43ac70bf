/** What each call does that is about chats, messages and people. Who is logged in is `app.ts`. */
import type { ChatDetails, ChatSummary, Core as CoreApi, CoreEvent } from '../api';
import type { Call } from '../messages';
import type { Commands } from './commands';
import type { Driver } from './driver';
import type { Files } from './files';
import type { People } from './people';
import { OFFLINE, type Rest } from './rest';

export type Methods = { [Name in Call]: (...given: Parameters<CoreApi[Name]>) => unknown };

/** What calls work on; there is none while the vault is not open, and asking for it says why. */
export interface Opened {
  driver: Driver;
  rest: Rest;
  people: People;
  commands: Commands;
  files: Files;
}

type Elsewhere =
  | 'session'
  | 'lookAt'
  | 'connection'
  | 'requestCode'
  | 'logIn'
  | 'confirmCode'
  | 'restartLinking'
  | 'newIdentity'
  | 'logOut'
  | 'profile'
  | 'setProfile'
  | 'devices'
  | 'revokeDevice';

export function talking(opened: () => Opened, tell: (event: CoreEvent) => void): Omit<Methods, Elsewhere> {
  const act = (wish: Parameters<Commands['act']>[0]) =>
    opened()
      .commands.act(wish, 'stored')
      .then(() => undefined);
  return {
    chats: async (skip, limit) => {
      const { driver, people } = opened();
      return people.titled((await driver.ask({ type: 'chats', skip, limit })) as ChatSummary[]);
    },
    summaries: async (chats) => {
      const { driver, people } = opened();
      return people.titled((await driver.ask({ type: 'summaries', chats })) as ChatSummary[]);
    },
    chat: async (chat) => {
      const { driver, people } = opened();
      const details = (await driver.ask({ type: 'chat', chat })) as ChatDetails | undefined;
      return details && people.titled([details])[0];
    },
    chatPicture: (chat) => opened().driver.ask({ type: 'picture', chat }),
    history: (chat, before, limit) => {
      const from = before === undefined ? {} : { before };
      return opened().driver.ask({ type: 'history', chat, limit, ...from });
    },
    message: (chat, seq) => opened().driver.ask({ type: 'message', chat, seq }),
    messageInfo: async (chat, seq) => {
      const { driver, commands } = opened();
      void commands.act({ type: 'refreshReceipts', chat }, 'stored');
      return driver.ask({ type: 'info', chat, seq });
    },
    find: async (text, chat, limit) => {
      const { driver, commands } = opened();
      try {
        return await driver.ask({ type: 'find', text, limit, ...(chat === undefined ? {} : { chat }) });
      } catch (error) {
        // The index is damaged. It is made anew from the messages.
        void commands.act({ type: 'rebuildSearch' }, 'stored');
        throw error;
      }
    },

    sendText: async (chat, text, options) => {
      const { mentions, replyTo } = options ?? {};
      const more = { ...(mentions ? { mentions } : {}), ...(replyTo === undefined ? {} : { replyTo }) };
      return { place: await opened().commands.say(chat, { type: 'send', chat, text, ...more }, true) };
    },
    edit: (chat, seq, text, mentions = []) =>
      opened()
        .commands.say(chat, { type: 'edit', chat, seq, text, mentions })
        .then(() => undefined),
    react: (chat, seq, emoji) =>
      opened().commands
        .say(chat, { type: 'react', chat, seq, ...(emoji === undefined ? {} : { emoji }) })
        .then(() => undefined),
    deleteForEveryone: (chat, seq) => act({ type: 'delete', chat, seq }),
    deleteForMe: (chat, seq) => act({ type: 'hide', chat, seq }),
    cancel: (chat, place) => act({ type: 'cancel', chat, place }),
    markSeen: (chat, seq) => act({ type: 'markSeen', chat, seq }),
    setTyping: (chat, typing) => act({ type: 'typing', chat, typing }),
    setDraft: (chat, text) => act({ type: 'draft', chat, text }),
    setChatFlags: async (chat, flags) => {
      const { driver } = opened();
      const name = `flags/${chat}`;
      await driver.change((core) => {
        const letters = new Set(new TextDecoder().decode(core.kept(name) ?? new Uint8Array()));
        for (const flag of ['pinned', 'muted', 'archived'] as const) {
          const letter = flag.charAt(0);
          if (flags[flag] === true) letters.add(letter);
          if (flags[flag] === false) letters.delete(letter);
        }
        core.keep(name, new TextEncoder().encode([...letters].join('')));
      });
      tell({ type: 'chat', chat });
      tell({ type: 'chats' });
    },

    sendFiles: (chat, files, caption, about) => opened().files.send(chat, files, { caption, ...about }),
    transfers: (chat) => opened().files.list(chat),
    cancelTransfer: (id) => opened().files.cancel(id),
    retryTransfer: (id) => opened().files.retry(id),
    openFile: (chat, place, attachment) => opened().files.open(chat, place, attachment),

    startDirect: (user) => opened().commands.startChat({ type: 'direct', user }),
    createGroup: (title, members) => opened().commands.startChat({ type: 'group', title, members }),
    setTitle: (chat, text) => opened().commands.change(chat, { type: 'title', text }),
    setDescription: (chat, text) => opened().commands.change(chat, { type: 'description', text }),
    setPicture: (chat, picture) => opened().commands.change(chat, { type: 'picture', ...(picture ? { picture } : {}) }),
    setTimer: (chat, seconds) => opened().commands.change(chat, { type: 'timer', seconds }),
    addMembers: (chat, users) => opened().commands.change(chat, { type: 'add', users }),
    removeMember: (chat, user) => opened().commands.change(chat, { type: 'remove', user }),
    banMember: (chat, user) => opened().commands.change(chat, { type: 'ban', user }),
    unbanMember: (chat, user) => opened().commands.change(chat, { type: 'unban', user }),
    setRole: (chat, user, role) => opened().commands.change(chat, { type: 'role', user, role }),
    leave: (chat) => opened().commands.change(chat, { type: 'leave' }),
    deleteChat: (chat) => opened().commands.change(chat, { type: 'deleteChat' }),
    makeInvite: async (chat) => {
      const { commands } = opened();
      // A link that nobody was shown must not be made later.
      if (!commands.isOnline()) throw OFFLINE;
      const end = await commands.act({ type: 'invite', chat }, 'accepted');
      if (!end?.code) throw OFFLINE;
      return end.code;
    },
    revokeInvite: (chat) => opened().commands.change(chat, { type: 'revokeInvite' }),
    join: async (code) => {
      await opened().commands.act({ type: 'join', code }, 'accepted');
      return code.trim().split('.')[0];
    },

    people: (users) => Promise.all(users.map((user) => opened().people.person(user))),
    personPicture: (user) => opened().driver.ask({ type: 'face', user }),
    setOwnPicture: (picture) => act({ type: 'face', ...(picture ? { picture } : {}) }),
    contacts: () => opened().people.contacts(),
    blocked: () => opened().people.blockedOnes(),
    findPerson: (address) => opened().people.find(address.trim()),
    setContact: (user, isContact) => opened().people.setContact(user, isContact),
    setBlocked: (user, isBlocked) => opened().people.setBlocked(user, isBlocked),
    watchPresence: (users) => act({ type: 'watchPresence', users }),
    safetyNumber: (user) => opened().driver.ask({ type: 'safetyNumber', user }),
    setVerified: (user, verified, digits) => act({ type: 'verified', user, verified, digits }),

    answerLink: (device) => act({ type: 'answerLink', device }),
    scanLink: (text) => act({ type: 'scanLink', text }),
    confirmLink: (device) => act({ type: 'confirmLink', device }),
    refuseLink: (device) => act({ type: 'refuseLink', device }),
    storage: async () => {
      const { usage = 0, quota } = await navigator.storage.estimate();
      const messages = (await opened().driver.ask({ type: 'count' })) as number;
      const persisted = await navigator.storage.persisted();
      return { usedBytes: usage, messages, persisted, ...(quota === undefined ? {} : { quotaBytes: quota }) };
    },
  };
}
