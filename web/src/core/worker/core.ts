/** The shapes in which the WebAssembly core speaks: as `crates/client-wasm/src/{wishes,questions,events,core}.rs`. */
import type { CoreEvent, Failure, LastSeenAudience, Mention, Place, Role, Seq } from '../api';

export type Wish =
  | { type: 'send'; chat: string; text: string; mentions?: Mention[]; replyTo?: Seq }
  | ({ type: 'sendFiles' } & FilesWish)
  | { type: 'edit'; chat: string; seq: Seq; text: string; mentions: Mention[] }
  | { type: 'react'; chat: string; seq: Seq; emoji?: string }
  | { type: 'delete' | 'hide' | 'markSeen'; chat: string; seq: Seq }
  | { type: 'cancel'; chat: string; place: number }
  | { type: 'refreshReceipts' | 'leave' | 'deleteChat' | 'invite' | 'revokeInvite'; chat: string }
  | { type: 'typing'; chat: string; typing: boolean }
  | { type: 'draft' | 'title' | 'description'; chat: string; text: string }
  | { type: 'picture'; chat: string; picture?: Uint8Array }
  | { type: 'face'; picture?: Uint8Array }
  | { type: 'direct'; user: string }
  | { type: 'group'; title: string; members: string[] }
  | { type: 'timer'; chat: string; seconds: number }
  | { type: 'add'; chat: string; users: string[] }
  | { type: 'remove' | 'ban' | 'unban'; chat: string; user: string }
  | { type: 'role'; chat: string; user: string; role: Role }
  | { type: 'join'; code: string }
  | { type: 'watchPresence'; users: string[] }
  | { type: 'verified'; user: string; verified: boolean; digits: string }
  | { type: 'answerLink' | 'confirmLink' | 'refuseLink'; device: number }
  | { type: 'scanLink'; text: string }
  | { type: 'rebuildSearch' };

export type Question =
  | { type: 'chats'; skip: number; limit: number }
  | { type: 'summaries'; chats: string[] }
  | { type: 'chat' | 'picture' | 'lastWaiting'; chat: string }
  | { type: 'history'; chat: string; before?: Seq; limit: number }
  | { type: 'message' | 'info'; chat: string; seq: Seq }
  | { type: 'find'; text: string; chat?: string; limit: number }
  | { type: 'person' | 'face' | 'safetyNumber'; user: string }
  | ({ type: 'checkFiles' } & FilesWish)
  | { type: 'file'; chat: string; place: Place; attachment: string }
  | { type: 'count' };

/** A message with files; ids, keys and hashes are missing while it is only checked. Bytes are in hexadecimal digits where they are text. */
export interface FilesWish {
  chat: string;
  files: FileWish[];
  caption: string;
  mentions: Mention[];
  replyTo?: Seq;
}
export interface FileWish {
  id?: string;
  key?: string;
  digest?: string;
  bytes: number;
  isVoice: boolean;
  mediaType: string;
  name: string;
  thumbnail?: Uint8Array;
  width?: number;
  height?: number;
  durationMs?: number;
  waveform?: number[];
}
/** What a message says of a file, as far as it takes that to read it. */
export interface KeptFile {
  key: string;
  digest: string;
  bytes: number;
  mediaType: string;
}
/** Of a sealed file, in hexadecimal digits. */
export interface Hashes {
  bytes: number;
  whole: string;
  parts: string[];
}

export interface Miss {
  from: Uint8Array<ArrayBuffer>;
  until: Uint8Array<ArrayBuffer>;
  descending: boolean;
  limit: number;
}

/** What only the worker hears. */
export type InnerEvent =
  { type: 'entering'; text?: string; code?: string; others: number[]; failure?: Failure } | { type: 'caughtUp' };

export interface End {
  token: number;
  chat?: string;
  seq?: Seq;
  code?: string;
  failure?: Failure;
  created: boolean;
}

export type Errand =
  | { type: 'fetch'; chat: string; seq?: Seq; hash: Uint8Array }
  | { type: 'store'; chat: string; hash: Uint8Array; bytes: Uint8Array<ArrayBuffer> }
  | { type: 'load'; chat: string; after: Seq };

/** What follows from a step, once what it changed is stored. */
export interface Effects {
  send: Uint8Array<ArrayBuffer>[];
  wants: Errand[];
  wakeAt?: number;
  events: (CoreEvent | InnerEvent)[];
  ends: End[];
  news: { chat: string; seq: Seq }[];
  reconnect: boolean;
  searchDamaged: boolean;
  accountMade: boolean;
}

export type Heard =
  | { kind: 'step' }
  | { kind: 'welcome'; heartbeat: number }
  | { kind: 'refused'; failure: Failure }
  | { kind: 'draining'; after: number }
  | { kind: 'nothing' };

/** The login, as it is kept. */
export interface Login {
  accessToken: string;
  expiresMs: number;
  refreshToken: string;
  userId: string;
  device: number;
  address: string;
}

export interface ProfileDocument {
  version?: number;
  name?: string;
  about?: string;
  picture?: string;
}
export interface SettingsDocument {
  version?: number;
  lastSeen: 'LAST_SEEN_EVERYONE' | 'LAST_SEEN_CONTACTS' | 'LAST_SEEN_NOBODY';
}
export const AUDIENCES: Record<SettingsDocument['lastSeen'], LastSeenAudience> = {
  LAST_SEEN_EVERYONE: 'everyone',
  LAST_SEEN_CONTACTS: 'contacts',
  LAST_SEEN_NOBODY: 'nobody',
};
