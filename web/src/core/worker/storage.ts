/**
 * The vault in IndexedDB: rows under binary keys, their values sealed by the core. The key of the vault is stored
 * encrypted under one that WebCrypto holds and does not give out.
 */
import type { Failure } from '../api';
import { complete, DATABASE, done, META, WRAPPING } from '../database';
import { Glimpse, GLIMPSE } from '../glimpse';
import type { Miss } from './core';
import { Pieces, PIECES } from './pieces';

const VERSION = 2;
const ROWS = 'rows';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

type Bytes = Uint8Array<ArrayBuffer>;

/** Rows, and the stretch of keys of which they are all there are. */
export interface Loaded {
  from: Bytes;
  until: Bytes;
  keys: Bytes[];
  values: Bytes[];
}

/** A store of which some browsers give keys and values at once, and from the end (Indexed Database API 3.0, 4.5). */
type Records = IDBObjectStore & {
  getAllRecords?: (options: {
    query: IDBKeyRange;
    count: number;
    direction: 'prev';
  }) => IDBRequest<{ key: IDBValidKey; value: unknown }[]>;
};

export class Storage {
  private owner = 0;
  private isClosed = false;
  /** Files. */
  readonly pieces: Pieces;

  readonly glimpse: Glimpse;
  /** 32 bytes. */
  readonly key: Bytes;

  private constructor(
    private readonly database: IDBDatabase,
    keys: Keys,
  ) {
    this.key = keys.vault;
    this.pieces = new Pieces(database);
    this.glimpse = new Glimpse(database, keys.wrapping);
  }

  /** `lost` is called when somebody takes the data away: the person clears the site, say. */
  static async open(lost: () => void): Promise<Storage> {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const names = request.result.objectStoreNames;
      for (const name of [ROWS, META, PIECES]) if (!names.contains(name)) request.result.createObjectStore(name);
    };
    const database = await done(request);
    const storage = new Storage(database, await keysOf(database));
    const gone = () => {
      if (storage.isClosed) return;
      storage.close();
      lost();
    };
    database.onclose = gone;
    database.onversionchange = gone;
    return storage;
  }

  /** Whether there is nothing, since somebody cleared the site. */
  static async isGone(): Promise<boolean> {
    return !(await indexedDB.databases()).some(({ name }) => name === DATABASE);
  }

  /** From now on only this worker writes: whoever did before finds another number than its own. */
  async claim(): Promise<void> {
    const transaction = this.database.transaction(META, 'readwrite', { durability: 'strict' });
    const meta = transaction.objectStore(META);
    const before = (await done(meta.get('owner'))) as number | undefined;
    this.owner = (before ?? 0) + 1;
    meta.put(this.owner, 'owner');
    await complete(transaction);
  }

  /** Writes all of it or nothing. With `durable` it survives a loss of power once this resolves. */
  async commit(keys: Bytes[], values: (Bytes | undefined)[], durable: boolean): Promise<void> {
    const durability = durable ? 'strict' : 'relaxed';
    const transaction = this.database.transaction([ROWS, META], 'readwrite', { durability });
    const completed = complete(transaction);
    const rows = transaction.objectStore(ROWS);
    let isOwner = true;
    const owner = transaction.objectStore(META).get('owner');
    owner.onsuccess = () => {
      isOwner = owner.result === this.owner;
      if (!isOwner) transaction.abort();
    };
    keys.forEach((key, index) => {
      const value = values[index];
      if (value) rows.put(value, key);
      else rows.delete(key);
    });
    // No `commit()`: after that Firefox looks at the last request alone, and would keep half of what another one failed in.
    try {
      await completed;
    } catch (error) {
      if (isOwner) throw error;
      throw { code: 'otherTab', message: 'Another tab has taken over.' } satisfies Failure;
    }
  }

  /** Everything committed so far survives a loss of power once this resolves. */
  async flush(): Promise<void> {
    const transaction = this.database.transaction(META, 'readwrite', { durability: 'strict' });
    // A transaction that writes nothing is not flushed.
    transaction.objectStore(META).put(Date.now(), 'flushed');
    transaction.commit();
    await complete(transaction);
  }

  /** Rows of a range, from one end: at least as many as asked for, where there are so many. */
  async load({ from, until, descending, limit }: Miss): Promise<Loaded> {
    const rows: Records = this.database.transaction(ROWS, 'readonly').objectStore(ROWS);
    let range = IDBKeyRange.bound(from, until, false, true);
    if (descending && rows.getAllRecords) {
      const records = await done(rows.getAllRecords({ query: range, count: limit, direction: 'prev' }));
      const keys = records.map(({ key }) => new Uint8Array(key as ArrayBuffer));
      const begin = records.length >= limit ? keys.at(-1) : undefined;
      return { from: begin ?? from, until, keys, values: records.map(({ value }) => value as Bytes) };
    }
    let begin = from;
    if (descending) {
      const first = await keyFromEnd(rows, range, limit);
      if (first) {
        begin = first;
        range = IDBKeyRange.bound(first, until, false, true);
      }
    }
    const [keys, values] = await Promise.all([
      done(rows.getAllKeys(range, descending ? undefined : limit)),
      done(rows.getAll(range, descending ? undefined : limit)),
    ]);
    const found = keys.map((key) => new Uint8Array(key as ArrayBuffer));
    const last = found.at(-1);
    const end = !descending && last && found.length >= limit ? after(last) : until;
    return { from: begin, until: end, keys: found, values: values as Bytes[] };
  }

  close(): void {
    this.isClosed = true;
    this.database.close();
  }

  /** Removes everything. */
  async wipe(): Promise<void> {
    this.close();
    await done(indexedDB.deleteDatabase(DATABASE));
  }
}

/** The key of the row that stands `place` rows from the end; nothing when there are fewer. */
async function keyFromEnd(rows: IDBObjectStore, range: IDBKeyRange, place: number): Promise<Bytes | undefined> {
  const request = rows.openKeyCursor(range, 'prev');
  let cursor = await done(request);
  if (cursor && place > 1) {
    const moved = new Promise<IDBCursor | null>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    cursor.advance(place - 1);
    cursor = await moved;
  }
  return cursor ? new Uint8Array(cursor.key as ArrayBuffer) : undefined;
}

function after(key: Bytes): Bytes {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

interface Keys {
  vault: Bytes;
  wrapping: CryptoKey;
}

async function keysOf(database: IDBDatabase): Promise<Keys> {
  const stored = database.transaction(META, 'readonly').objectStore(META);
  const [wrapping, wrapped] = await Promise.all([
    done(stored.get(WRAPPING)) as Promise<CryptoKey | undefined>,
    done(stored.get('wrapped')) as Promise<Bytes | undefined>,
  ]);
  if (wrapping && wrapped) {
    const [iv, sealed] = [wrapped.slice(0, NONCE_BYTES), wrapped.slice(NONCE_BYTES)];
    const vault = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, wrapping, sealed));
    return { vault, wrapping };
  }
  const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const fresh = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, fresh, key));
  const transaction = database.transaction([META, ROWS, PIECES], 'readwrite', { durability: 'strict' });
  const meta = transaction.objectStore(META);
  meta.delete(GLIMPSE);
  meta.put(fresh, WRAPPING);
  meta.put(new Uint8Array([...iv, ...sealed]), 'wrapped');
  // Rows under a key that is lost are of no use.
  transaction.objectStore(ROWS).clear();
  transaction.objectStore(PIECES).clear();
  await complete(transaction);
  return { vault: key, wrapping: fresh };
}
