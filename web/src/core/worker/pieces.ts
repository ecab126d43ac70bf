/**
 * Files in IndexedDB, in pieces, sealed as they travel: on their way out, and those that were opened. Their keys are not here but in the
 * vault's rows: with its message, or its transfer, a file is gone.
 */
import { complete, done } from '../database';

export const PIECES = 'pieces';

type Bytes = Uint8Array<ArrayBuffer>;

export class Pieces {
  constructor(private readonly database: IDBDatabase) {}

  /** Durable once it resolves. Numbers begin with 1. */
  async put(file: string, number: number, bytes: Bytes): Promise<void> {
    const transaction = this.database.transaction(PIECES, 'readwrite', { durability: 'strict' });
    const completed = complete(transaction);
    transaction.objectStore(PIECES).put(bytes, [file, number]);
    await completed;
  }

  get(file: string, number: number): Promise<Bytes | undefined> {
    const pieces = this.database.transaction(PIECES, 'readonly').objectStore(PIECES);
    return done(pieces.get([file, number])) as Promise<Bytes | undefined>;
  }

  async remove(file: string): Promise<void> {
    const transaction = this.database.transaction(PIECES, 'readwrite');
    const completed = complete(transaction);
    // Arrays are beyond all numbers.
    transaction.objectStore(PIECES).delete(IDBKeyRange.bound([file], [file, []]));
    await completed;
  }

  /** Removes all files but these. */
  async keepOnly(files: Set<string>): Promise<void> {
    const pieces = this.database.transaction(PIECES, 'readonly').objectStore(PIECES);
    const keys = (await done(pieces.getAllKeys())) as [string, number][];
    const others = new Set(keys.map(([file]) => file).filter((file) => !files.has(file)));
    for (const file of others) await this.remove(file);
  }
}
