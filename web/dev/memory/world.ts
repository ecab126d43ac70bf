import type {
  ChatDetails,
  ChatId,
  Connection,
  DeviceId,
  Failure,
  Item,
  LastSeenAudience,
  OwnDevice,
  Person,
  Presence,
  Session,
  Status,
  UserId,
} from '../../src/core/api';

/** One chat and all that was said in it, oldest first. `at` makes the items of a very long chat when they are asked for. */
export interface Room {
  details: ChatDetails;
  items: Item[];
  /** Seqs 1 to this are made by `make`, and `items` come after. */
  made: number;
  make?: (seq: number) => Item;
  recipients: Map<number, { user: UserId; status: Status }[]>;
}

/** Everything the core in memory knows. */
export interface World {
  me: UserId;
  session: Session;
  connection: Connection;
  people: Map<UserId, Person>;
  /** Whom `findPerson` finds, by address. */
  addresses: Map<string, UserId>;
  presence: Map<UserId, Presence>;
  rooms: Map<ChatId, Room>;
  /** The bytes of attachments, by id, made when they are asked for. */
  files: Map<string, () => Promise<Blob>>;
  devices: OwnDevice[];
  profile: { name: string; about: string; lastSeen: LastSeenAudience };
  /** Others answer by themselves. */
  echo: boolean;
}

export function device(user: UserId): DeviceId {
  return { user, number: 1 };
}

export function fail(code: string): never {
  const failure: Failure = { code, message: code };
  throw failure;
}
