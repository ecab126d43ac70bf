/**
 * What the app asks of the client core, which runs in a worker that all tabs share.
 *
 * Everything crosses as plain data (structured clone). Ids are 26 characters of base32; times are milliseconds since 1970;
 * a seq is a message's place in its chat. Questions are answered from this browser's rows alone, so they work offline.
 */

export type UserId = string;
export type ChatId = string;
export type Seq = number;
export interface DeviceId {
  user: UserId;
  number: number;
}
/** Where a message stands: in the log, or in the outbox. */
export type Place = { at: Seq } | { waiting: number };
/** What the server did in a chat that it must not. */
export type Distrust = 'notAttested' | 'notAllowed' | 'intruder' | 'handshakeNotAllowed' | 'repeated';
export type Status = 'waiting' | 'sent' | 'delivered' | 'seen';
export type Role = 'owner' | 'admin' | 'member';
export type ChatKind = 'direct' | 'group' | 'channel';

/**
 * An error with the server's stable code (docs/protocol.md), or one of ours: 'offline', 'storage', 'stopped', 'unlinked', 'otherTab', 'busy'
 * (more is asked at once than is answered). Of files also: 'tooLarge', 'limitReached', 'cancelled', 'interrupted' (closed before the file was
 * kept: it has to be chosen again), 'changed' (the file cannot be read any more), 'tampered' (not what the sender sent), 'gone' (removed from
 * the server), 'noSuchFile'.
 */
export interface Failure {
  code: string;
  message: string;
  retryAfter?: number;
}

// ---- who is here -------------------------------------------------------------------------------------------------

export type Session =
  | { state: 'starting' }
  /** Nobody logged in. */
  | { state: 'loggedOut'; why?: 'revoked' | 'cleared' | 'loggedOut' }
  /** Logged in, and this person has other devices: one of them must let this one in. `text` is for the QR code. */
  | { state: 'linking'; text: string; code?: string; otherDevices: string[]; failure?: Failure }
  | { state: 'ready'; me: UserId; device: number; name: string; address: string }
  /** Another tab of another release runs the core, or the storage failed. */
  | { state: 'blocked'; failure: Failure };

export type Connection =
  | { state: 'connecting' }
  | { state: 'online'; caughtUp: boolean }
  | { state: 'offline'; why: string; retryAt?: number };

// ---- what is shown ------------------------------------------------------------------------------------------------

export interface Person {
  user: UserId;
  name: string;
  about?: string;
  /** What they look like, where they said so: another text when that changed; `personPicture` gives it. */
  picture?: string;
  isContact: boolean;
  isBlocked: boolean;
  verified: boolean;
}
export interface Presence {
  user: UserId;
  online: boolean;
  lastSeen?: number;
}

export type Preview =
  | { kind: 'text'; text: string }
  | { kind: 'files'; count: number; name: string }
  | { kind: 'deleted' }
  | { kind: 'unreadable' }
  | { kind: 'notHere' };

export interface ChatSummary {
  chat: ChatId;
  kind: ChatKind;
  encrypted: boolean;
  /** Of a direct chat, the name of the other one; empty while that is not known. */
  title: string;
  peer?: UserId;
  /** Which picture it has, of a direct chat that of the other one. It is another text when that changed; `chatPicture` gives it. */
  picture?: string;
  isMember: boolean;
  members: number;
  unread: number;
  draft: string;
  waiting: number;
  distrusted?: Distrust;
  last?: { place: Place; sender: DeviceId; time: number; preview: Preview; status?: Status };
  active: number;
  /** Kept on this device only. */
  pinned: boolean;
  muted: boolean;
  archived: boolean;
}
export interface ChatDetails extends ChatSummary {
  /** As it was seen last: the vault is not open yet, and knows what is so now. Without a draft. */
  isOld?: boolean;
  description: string;
  timerSeconds?: number;
  roles: { user: UserId; role: Role }[];
  banned: UserId[];
  seen: Seq;
  myRole?: Role;
  inviteCode?: string;
}

/** Places are counted as JavaScript counts: in UTF-16 units. */
export interface Mention {
  start: number;
  end: number;
  user: UserId;
}
export interface Attachment {
  id: string;
  kind: 'image' | 'video' | 'voice' | 'file';
  name: string;
  mediaType: string;
  bytes: number;
  width?: number;
  height?: number;
  durationMs?: number;
  waveform?: number[];
  thumbnail?: Uint8Array;
}
/** Most files of one message. */
export const FILES_MAX = 32;
/** Bytes of the largest file that can be sent or opened here; servers may take less. */
export const FILE_BYTES_MAX = 1024 * 1024 * 1024;
/** Bytes of a thumbnail, and of the picture of a chat. All of a message share 40 KiB; those that no longer fit are left out. */
export const THUMBNAIL_BYTES_MAX = 8 * 1024;
/** Values of a waveform, each from 0, silence, to 255. */
export const WAVEFORM_VALUES_MAX = 64;
/** Bytes of all thumbnails of a message: about two thirds of the longest message. */
export const THUMBNAILS_BYTES_MAX = 40 * 1024;
/** Messages with files on their way at a time. */
export const TRANSFERS_MAX = 64;

/** A file to be sent. */
export interface NewFile {
  /** Its `type` is the media type that others are told. */
  file: Blob;
  /**
   * 'image' and 'video' need a media type of that kind; 'voice' needs Opus in Ogg and a duration. Others see 'image' and 'video' by the media
   * type alone.
   */
  kind: Attachment['kind'];
  name: string;
  /** WebP or JPEG. */
  thumbnail?: Uint8Array;
  width?: number;
  height?: number;
  durationMs?: number;
  waveform?: number[];
}

/** A message with files on its way to the server. It is in the outbox, and among the chat's messages, once it is done. */
export interface Transfer {
  id: string;
  chat: ChatId;
  began: number;
  caption: string;
  /** In the caption. */
  mentions: Mention[];
  replyTo?: Seq;
  /** Their ids mean something within the transfer only. */
  files: Attachment[];
  /** Bytes, of all files. */
  sent: number;
  total: number;
  /** 'paused': waits, for those before it or, with a failure, to be tried again by itself. 'failed': `retryTransfer` or `cancelTransfer`. */
  state: 'running' | 'paused' | 'failed';
  failure?: Failure;
}

export type Body =
  | { kind: 'text'; text: string; mentions: Mention[] }
  | { kind: 'files'; caption: string; mentions: Mention[]; files: Attachment[] }
  | { kind: 'deleted' }
  | { kind: 'expired' }
  | { kind: 'stub'; reason: string }
  | { kind: 'unknown' };

export interface Message {
  type: 'message';
  place: Place;
  sender: DeviceId;
  time: number;
  body: Body;
  replyTo?: { seq: Seq; sender?: DeviceId; preview: Preview };
  edited?: { time: number; original: string; isWaiting: boolean };
  reactions: { emoji: string; users: UserId[]; isOwn: boolean }[];
  /** Of own messages. */
  status?: Status;
  disappears?: { afterSeconds: number; at?: number };
  isBeingDeleted: boolean;
}
/** A line between messages: somebody was added, the title changed, an identity key changed, messages are missing. */
export interface Line {
  type: 'event' | 'notice';
  seq: Seq;
  time: number;
  sender?: DeviceId;
  what: Happening;
}
export type Happening =
  | { kind: 'created' }
  | { kind: 'deletedChat' }
  | { kind: 'added' | 'removed' | 'banned' | 'unbanned'; users: UserId[] }
  | { kind: 'joined' | 'left' }
  | { kind: 'role'; user: UserId; role: Role }
  | { kind: 'title' | 'description'; text: string }
  | { kind: 'picture' }
  | { kind: 'timer'; seconds: number }
  | { kind: 'invite'; on: boolean }
  | { kind: 'keys'; what: 'started' | 'changedSuite' | 'deviceRevoked' }
  | { kind: 'identityChanged'; user: UserId; wasVerified: boolean }
  | { kind: 'gap'; sender: DeviceId; missing: number }
  | { kind: 'missing'; from: Seq; to: Seq }
  | { kind: 'commitFailed'; author: DeviceId }
  | { kind: 'restored' }
  | { kind: 'distrusted'; why: Distrust };
export type Item = Message | Line;
/** Newest first. */
export interface Page {
  items: Item[];
  nextBefore?: Seq;
}
export interface Found {
  chat: ChatId;
  message: Message;
}
export interface OwnDevice {
  number: number;
  name: string;
  isThis: boolean;
  created: number;
  lastUsed?: number;
}
export type LastSeenAudience = 'everyone' | 'contacts' | 'nobody';

// ---- what happens --------------------------------------------------------------------------------------------------

/** Hints: what is shown is asked for again. */
export type CoreEvent =
  | { type: 'session'; session: Session }
  | { type: 'connection'; connection: Connection }
  | { type: 'chats' } // the list, or something in it, changed
  | { type: 'chat'; chat: ChatId } // members, title, timer, draft, unread
  // `items` are messages of others that have just come, as far as they need not be asked for.
  | { type: 'messages'; chat: ChatId; seqs: Seq[] | 'all'; items?: Message[] }
  | { type: 'notify'; chat: ChatId; message: Message } // somebody else said something that is unread
  | { type: 'typing'; chat: ChatId; user: UserId; typing: boolean }
  | { type: 'presence'; presence: Presence }
  | { type: 'people' }
  | { type: 'linkAsked'; device: number }
  | { type: 'linkCode'; device: number; code: string }
  | { type: 'linkEnded'; device: number; failure?: Failure }
  | { type: 'refused'; chat: ChatId; failure: Failure; words?: string } // something said earlier will not be accepted; its words are in the draft
  /** At most ten a second for each id while it goes on; every change of state is told. 'done' of an upload: the message is in the outbox.
   * 'cancelled' of one: it is gone, because somebody said so or because it could not be kept, which `sendFiles` then rejects with. */
  | {
      type: 'transfer';
      /** Of an upload the transfer's, of a download the attachment's. */
      id: string;
      chat: ChatId;
      way: 'up' | 'down';
      sent: number;
      total: number;
      state: 'running' | 'paused' | 'done' | 'failed' | 'cancelled';
      failure?: Failure;
    };

// ---- what can be asked ---------------------------------------------------------------------------------------------

/** Every method rejects with a `Failure`. Sending resolves when the message is durable in this browser's outbox. */
export interface Core {
  /** This tab lets go of the core. */
  close(): void;
  subscribe(listener: (event: CoreEvent) => void): () => void;
  session(): Promise<Session>;
  connection(): Promise<Connection>;

  requestCode(address: string): Promise<void>;
  logIn(address: string, code: string, deviceName: string): Promise<Session>;
  /** While linking: give up the other devices and begin with a new identity; they are revoked. */
  newIdentity(): Promise<void>;
  /** While linking: the person says that this browser and the other device show the same code. */
  confirmCode(): Promise<void>;
  /** While linking: begins again after it failed, with another text. */
  restartLinking(): Promise<void>;
  logOut(): Promise<void>;

  chats(skip: number, limit: number): Promise<ChatSummary[]>;
  /** Those of these chats that are in the list, in no order. */
  summaries(chats: ChatId[]): Promise<ChatSummary[]>;
  chat(chat: ChatId): Promise<ChatDetails | undefined>;
  /** The person looks at this chat: it is what they are shown the next time, before anything else is known. */
  lookAt(chat: ChatId): Promise<void>;
  /** The picture of a chat, as whoever set it sent it. */
  chatPicture(chat: ChatId): Promise<Uint8Array | undefined>;
  history(chat: ChatId, before: Seq | undefined, limit: number): Promise<Page>;
  /** Items around a seq, oldest first, for jumping to it. */
  message(chat: ChatId, seq: Seq): Promise<Item | undefined>;
  messageInfo(
    chat: ChatId,
    seq: Seq,
  ): Promise<{ message: Message; recipients: { user: UserId; status: Status }[] } | undefined>;
  find(text: string, chat: ChatId | undefined, limit: number): Promise<Found[]>;

  /** What was the draft of the chat is sent, and no draft any more. */
  sendText(chat: ChatId, text: string, options?: { mentions?: Mention[]; replyTo?: Seq }): Promise<{ place: number }>;
  edit(chat: ChatId, seq: Seq, text: string, mentions?: Mention[]): Promise<void>;
  react(chat: ChatId, seq: Seq, emoji: string | undefined): Promise<void>;
  deleteForEveryone(chat: ChatId, seq: Seq): Promise<void>;
  deleteForMe(chat: ChatId, seq: Seq): Promise<void>;
  cancel(chat: ChatId, place: number): Promise<void>;
  markSeen(chat: ChatId, seq: Seq): Promise<void>;
  setTyping(chat: ChatId, typing: boolean): Promise<void>;
  setDraft(chat: ChatId, text: string): Promise<void>;
  setChatFlags(chat: ChatId, flags: Partial<{ pinned: boolean; muted: boolean; archived: boolean }>): Promise<void>;

  startDirect(user: UserId): Promise<ChatId>;
  createGroup(title: string, members: UserId[]): Promise<ChatId>;
  setTitle(chat: ChatId, title: string): Promise<void>;
  setDescription(chat: ChatId, text: string): Promise<void>;
  /** Of a group: WebP or JPEG, at most `THUMBNAIL_BYTES_MAX` bytes; undefined removes it. Refused in chats that are not encrypted. */
  setPicture(chat: ChatId, picture: Uint8Array | undefined): Promise<void>;
  setTimer(chat: ChatId, seconds: number): Promise<void>;
  addMembers(chat: ChatId, users: UserId[]): Promise<void>;
  removeMember(chat: ChatId, user: UserId): Promise<void>;
  banMember(chat: ChatId, user: UserId): Promise<void>;
  unbanMember(chat: ChatId, user: UserId): Promise<void>;
  setRole(chat: ChatId, user: UserId, role: Role): Promise<void>;
  leave(chat: ChatId): Promise<void>;
  deleteChat(chat: ChatId): Promise<void>;
  makeInvite(chat: ChatId): Promise<string>;
  revokeInvite(chat: ChatId): Promise<void>;
  join(code: string): Promise<ChatId>;

  people(users: UserId[]): Promise<Person[]>;
  /** What somebody looks like, as they sent it; of the person themselves, what others are sent. */
  personPicture(user: UserId): Promise<Uint8Array | undefined>;
  /** Of the person themselves, as `setPicture`. Those to whom they write are told, and their other devices. */
  setOwnPicture(picture: Uint8Array | undefined): Promise<void>;
  contacts(): Promise<Person[]>;
  /** Contacts or not. */
  blocked(): Promise<Person[]>;
  /** By phone number or e-mail address. */
  findPerson(address: string): Promise<Person | undefined>;
  setContact(user: UserId, isContact: boolean): Promise<void>;
  setBlocked(user: UserId, isBlocked: boolean): Promise<void>;
  watchPresence(users: UserId[]): Promise<void>;
  safetyNumber(user: UserId): Promise<{ digits: string; verified: boolean } | undefined>;
  /** `digits`: the number that was compared. Refused (`conflict`) when it is no longer that of their key. */
  setVerified(user: UserId, verified: boolean, digits: string): Promise<void>;

  /** As the server has it, or as it was known last; `lastSeen` is missing where it was never known. */
  profile(): Promise<{ name: string; about: string; lastSeen?: LastSeenAudience }>;
  setProfile(profile: Partial<{ name: string; about: string; lastSeen: LastSeenAudience }>): Promise<void>;
  devices(): Promise<OwnDevice[]>;
  revokeDevice(number: number): Promise<void>;
  answerLink(device: number): Promise<void>;
  scanLink(text: string): Promise<void>;
  confirmLink(device: number): Promise<void>;
  refuseLink(device: number): Promise<void>;
  storage(): Promise<{ usedBytes: number; quotaBytes?: number; messages: number; persisted: boolean }>;

  /**
   * Sends files with a caption, which may be empty. Resolves with the transfer's id once all of it is kept here, sealed, so that it goes on
   * when Dunlin is opened again after the tab was closed; the first event of it comes before that. Refused in chats that are not encrypted ('wrongEncryption').
   */
  sendFiles(
    chat: ChatId,
    files: NewFile[],
    caption: string,
    about?: { mentions?: Mention[]; replyTo?: Seq },
  ): Promise<string>;
  /** Messages with files on their way, oldest first: of a chat, or all. */
  transfers(chat?: ChatId): Promise<Transfer[]>;
  /** Ends an upload, by its transfer's id, or a download, by the attachment's. Whatever is over already stays so. */
  cancelTransfer(id: string): Promise<void>;
  /** Tries a failed or paused upload now. */
  retryTransfer(id: string): Promise<void>;
  /**
   * The file of a message, whole and checked. Its type is one that browsers show without running anything (pictures but SVG, sound, video),
   * else `application/octet-stream`. What was opened or sent here before opens offline, as long as there is room for it.
   */
  openFile(chat: ChatId, place: Place, attachment: string): Promise<Blob>;
}
