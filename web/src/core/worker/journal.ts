/**
 * The newest batches, a record each: storing one row takes a message half the time of storing seven. They are moved among the
 * rows when nothing happens, when there are many of them, or when their rows are asked for.
 */
type Bytes = Uint8Array<ArrayBuffer>;

/** What a batch changes: a row is removed where there is no value. */
export interface Changes {
  keys: Bytes[];
  values: (Bytes | undefined)[];
}

/** Larger batches go among the rows at once. */
const ROWS_PER_RECORD_MAX = 64;
const BYTES_PER_RECORD_MAX = 128 * 1024;
/** Of the whole journal, which is in memory as well, and is read when the vault is opened. */
const RECORDS_MAX = 128;
const BYTES_MAX = 1024 * 1024;

/** Numbers, where everything else that is stored beside them has a name. */
export const RECORDS = IDBKeyRange.bound(0, Infinity);

interface Row {
  key: Bytes;
  value: Bytes | undefined;
}

export class Journal {
  /** The newest of each row that is in a record and was not moved. */
  private readonly rows = new Map<string, Row>();
  /** The number that was given last, and that of the last record that is stored. */
  private last = 0;
  private stored = 0;
  /** That of the last record that was moved, and the bytes of those after it. */
  private movedTo = 0;
  private bytes = 0;

  get isEmpty(): boolean {
    return this.rows.size === 0;
  }

  /** Whether a batch is to become a record. */
  takes(changes: Changes): boolean {
    if (changes.keys.length > ROWS_PER_RECORD_MAX || this.last - this.movedTo >= RECORDS_MAX) return false;
    const bytes = bytesOf(changes);
    return bytes <= BYTES_PER_RECORD_MAX && this.bytes + bytes <= BYTES_MAX;
  }

  /** The number of the next record. */
  number(): number {
    return ++this.last;
  }

  /** A record is stored. */
  add(number: number, changes: Changes): void {
    const { keys, values } = changes;
    this.stored = number;
    this.bytes += bytesOf(changes);
    keys.forEach((key, index) => this.rows.set(name(key), { key, value: values[index] }));
  }

  /** Whether a row of a stretch is in it. */
  has(from: Bytes, until: Bytes): boolean {
    const [first, end] = [name(from), name(until)];
    for (const key of this.rows.keys()) if (key >= first && key < end) return true;
    return false;
  }

  /** What is to be moved now, by a transaction that begins now: not what is being stored. `moved` is called once it was. */
  take(): { records: IDBKeyRange; rows: Row[]; moved: () => void } {
    const rows = [...this.rows];
    const { stored, bytes } = this;
    const moved = () => {
      this.movedTo = stored;
      this.bytes -= bytes;
      // What was written meanwhile is newer.
      for (const [key, row] of rows) if (this.rows.get(key) === row) this.rows.delete(key);
    };
    return { records: IDBKeyRange.bound(0, stored), rows: rows.map(([, row]) => row), moved };
  }
}

function bytesOf({ keys, values }: Changes): number {
  return keys.reduce((sum, key, index) => sum + key.length + (values[index]?.length ?? 0), 0);
}

/** Keys as text, which is ordered as they are: by the value of each byte. */
function name(key: Bytes): string {
  return String.fromCharCode(...key);
}
