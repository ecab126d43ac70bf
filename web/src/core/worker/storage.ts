/**
 * The vault in IndexedDB: rows under binary keys, their values sealed by the core. The key of the vault is stored
 * encrypted under one that WebCrypto holds and does not give out.
 */
import type { Failure } from '../api';
import { complete, DATABASE, done, META, WRAPPING } from '../database';
import { Glimpse, GLIMPSE } from '../glimpse';
import type { Miss } from './core';
import { Journal, RECORDS, type Changes } from './journal';
import { Pieces, PIECES } from './pieces';

/** Releases before the third know of no journal, and are not let in. */
const VERSION = 3;
/** The journal is moved so long after the last batch. */
const SETTLE_AFTER_MS = 1_000;
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
  private readonly journal = new Journal();
  private settleTimer: ReturnType<typeof setTimeout> | undefined;
  /** While the journal is moved: one after the other, for each would put down what it saw. */
  private moving: Promise<void> | undefined;
  /** Files. */
  readonly pieces: Pieces;

  readonly glimpse: Glimpse;
  /** 32 bytes. */
  readonly key: Bytes;

  private constructor(
    private readonly database: IDBDatabase,
    keys: Keys,
    private readonly settleAfterMs: number,
  ) {
    this.key = keys.vault;
    this.pieces = new Pieces(database);
    this.glimpse = new Glimpse(database, keys.wrapping);
  }

  /** `lost` is called when somebody takes the data away: the person clears the site, say. */
  static async open(lost: () => void, settleAfterMs = SETTLE_AFTER_MS): Promise<Storage> {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const names = request.result.objectStoreNames;
      for (const name of [ROWS, META, PIECES]) if (!names.contains(name)) request.result.createObjectStore(name);
    };
    const database = await done(request);
    const storage = new Storage(database, await keysOf(database), settleAfterMs);
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

  /** From now on only this worker writes: whoever did before finds another number than its own. What they left is moved. */
  async claim(): Promise<void> {
    const transaction = this.database.transaction([ROWS, META], 'readwrite', { durability: 'strict' });
    const completed = complete(transaction);
    const [rows, meta] = [transaction.objectStore(ROWS), transaction.objectStore(META)];
    const [before, records] = await Promise.all([
      done(meta.get('owner')) as Promise<number | undefined>,
      done(meta.getAll(RECORDS)) as Promise<Changes[]>,
    ]);
    this.owner = (before ?? 0) + 1;
    meta.put(this.owner, 'owner');
    for (const record of records) write(rows, record);
    meta.delete(RECORDS);
    await completed;
  }

  /** One at a time. Writes all of it or nothing. With `durable` it survives a loss of power once this resolves. */
  async commit(keys: Bytes[], values: (Bytes | undefined)[], durable: boolean): Promise<void> {
    const durability = durable ? 'strict' : 'relaxed';
    const changes = { keys, values };
    clearTimeout(this.settleTimer);
    if (this.journal.takes(changes)) {
      const number = this.journal.number();
      await this.write([META], durability, (meta) => meta.put(changes, number));
      this.journal.add(number, changes);
    } else {
      await this.move(durability, changes);
    }
    if (this.journal.isEmpty || this.isClosed) return;
    // What cannot be moved now stays in the journal, where it is safe.
    this.settleTimer = setTimeout(() => void this.move('relaxed').catch(() => undefined), this.settleAfterMs);
  }

  /** Puts what is in the journal among the rows, and after that a batch. */
  private async move(durability: IDBTransactionDurability, changes?: Changes): Promise<void> {
    while (this.moving) await this.moving.catch(() => undefined);
    const moving = this.moveNow(durability, changes);
    this.moving = moving;
    try {
      await moving;
    } finally {
      this.moving = undefined;
    }
  }

  private async moveNow(durability: IDBTransactionDurability, changes: Changes | undefined): Promise<void> {
    const { records, rows, moved } = this.journal.take();
    await this.write([META, ROWS], durability, (meta, store) => {
      for (const { key, value } of rows) writeRow(store, key, value);
      meta.delete(records);
      if (changes) write(store, changes);
    });
    moved();
  }

  /** A transaction of whoever is still the owner. */
  private async write(
    names: string[],
    durability: IDBTransactionDurability,
    act: (...stores: [IDBObjectStore, IDBObjectStore]) => void,
  ): Promise<void> {
    const transaction = this.database.transaction(names, 'readwrite', { durability });
    const completed = complete(transaction);
    const stores = names.map((name) => transaction.objectStore(name));
    let isOwner = true;
    const owner = transaction.objectStore(META).get('owner');
    owner.onsuccess = () => {
      isOwner = owner.result === this.owner;
      if (!isOwner) transaction.abort();
    };
    act(...(stores as [IDBObjectStore, IDBObjectStore]));
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
    while (this.journal.has(from, until)) {
      await (this.moving?.catch(() => undefined) ?? this.move('relaxed'));
    }
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
    clearTimeout(this.settleTimer);
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

function write(rows: IDBObjectStore, { keys, values }: Changes): void {
  keys.forEach((key, index) => writeRow(rows, key, values[index]));
}

function writeRow(rows: IDBObjectStore, key: Bytes, value: Bytes | undefined): void {
  if (value) rows.put(value, key);
  else rows.delete(key);
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
  meta.delete(RECORDS);
  meta.put(fresh, WRAPPING);
  meta.put(new Uint8Array([...iv, ...sealed]), 'wrapped');
  // Rows under a key that is lost are of no use.
  transaction.objectStore(ROWS).clear();
  transaction.objectStore(PIECES).clear();
  await complete(transaction);
  return { vault: key, wrapping: fresh };
}
