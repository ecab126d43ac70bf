/** A file, sealed piece by piece: two stretches and a piece are in memory, however large it is. */
import type { Failure } from '../api';
import { FileSealer } from '../wasm/dunlin';
import type { Hashes } from './core';
import type { Pieces } from './pieces';

/** Chunks that are read and sealed at once; the core gets its turn in between. */
const CHUNKS_AT_ONCE = 8;

const CHANGED: Failure = { code: 'changed', message: 'The file cannot be read any more. Choose it again.' };

/** Seals `file` into pieces of the length of an upload's parts. */
export async function seal(
  file: Blob,
  key: Uint8Array,
  name: string,
  pieces: Pieces,
  signal: AbortSignal,
): Promise<Hashes> {
  const sealer = new FileSealer(key, file.size);
  const step = FileSealer.chunkBytes() * CHUNKS_AT_ONCE;
  let number = 0;
  const cutter = new Cutter(FileSealer.partBytes(), (piece) => pieces.put(name, (number += 1), piece));
  for (let at = 0; at === 0 || at < file.size; at += step) {
    signal.throwIfAborted();
    const stretch = await file
      .slice(at, at + step)
      .arrayBuffer()
      .catch(() => Promise.reject(CHANGED));
    await cutter.add(sealer.seal(new Uint8Array(stretch)) as Uint8Array<ArrayBuffer>);
  }
  await cutter.end();
  return sealer.finish() as Hashes;
}

/** Cuts what comes into pieces of one length, of which the last may be shorter. */
export class Cutter {
  private piece: Uint8Array<ArrayBuffer> | undefined;
  private filled = 0;

  constructor(
    private readonly length: number,
    private readonly cut: (piece: Uint8Array<ArrayBuffer>) => Promise<void>,
  ) {}

  async add(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let rest = bytes;
    while (rest.length > 0) {
      this.piece ??= new Uint8Array(this.length);
      const now = rest.subarray(0, this.length - this.filled);
      this.piece.set(now, this.filled);
      this.filled += now.length;
      rest = rest.subarray(now.length);
      if (this.filled === this.length) await this.end();
    }
  }

  async end(): Promise<void> {
    if (!this.piece || this.filled === 0) return;
    // A view would be stored with all that it is a view of.
    const piece = this.filled === this.length ? this.piece : this.piece.slice(0, this.filled);
    this.piece = undefined;
    this.filled = 0;
    await this.cut(piece);
  }
}
