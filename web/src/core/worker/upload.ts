/** One sealed file to where attachments are kept (docs/protocol.md, "Attachments"). Only parts that are not there travel. */
import type { Failure } from '../api';
import { failureOf } from '../messages';
import { FileSealer } from '../wasm/dunlin';
import type { Hashes } from './core';
import { Patience, type Pauses, type Slots } from './patience';
import type { Pieces } from './pieces';
import type { Rest } from './rest';
import { put, type SignedRequest } from './signed';

/** Attempts in a row in which nothing got further, where the server could be reached. */
const TRIES_MAX = 8;
/** How long the server may take to read a whole file. */
const COMPLETION_TIME_MAX_MS = 5 * 60_000;
/** What goes away without anybody doing anything about it. */
const PASSING = ['offline', 'unavailable', 'tooFast', 'draining'];
/** What no other attempt changes. */
const DEFINITE = ['tooLarge', 'limitReached', 'unauthenticated', 'deviceRevoked', 'storage', 'interrupted'];

export const INTERRUPTED: Failure = {
  code: 'interrupted',
  message: 'Dunlin was closed before the file was ready to be sent. Choose it again.',
};
const NOTHING_CAME: Failure = { code: 'internal', message: 'The server has no part more than before.' };

interface PartUpload extends SignedRequest {
  part: number;
  size: number;
}
interface UploadState {
  attachmentId: string;
  complete: boolean;
  partsThere: number[];
  uploads: PartUpload[];
}

export interface Uploading {
  hashes: Hashes;
  /** What its pieces are stored under: one for each part. */
  name: string;
  /** The attachment, if the upload was begun before. */
  attachment: string | undefined;
  rest: Rest;
  pieces: Pieces;
  slots: Slots;
  pauses: Pauses;
  signal: AbortSignal;
  /** Bytes that are there. */
  progress(bytes: number): void;
  running(): void;
  paused(failure: Failure): void;
  /** Resolves once it is kept. */
  began(attachment: string): Promise<void>;
}

/** Resolves with the attachment's id once a message may name it. */
export async function upload(what: Uploading): Promise<string> {
  const { pauses, signal } = what;
  const patience = new Patience(pauses, signal);
  let most = 0;
  /** Parts that were there when the last addresses had been used. */
  let used = -1;
  for (;;) {
    try {
      const state = await stateOf(what);
      what.running();
      if (state.complete) return state.attachmentId;
      if (state.partsThere.length > most) {
        most = state.partsThere.length;
        patience.renew();
      }
      await putAll(state, what);
      if (state.partsThere.length + state.uploads.length < what.hashes.parts.length) {
        // The same would be asked for again and again.
        if (state.partsThere.length <= used) throw NOTHING_CAME;
        used = state.partsThere.length;
        continue;
      }
      await what.rest.ask('POST', `attachments/${state.attachmentId}/complete`, undefined, COMPLETION_TIME_MAX_MS);
      return state.attachmentId;
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(error);
      const isTriedEnough = patience.tries >= TRIES_MAX && !PASSING.includes(failure.code);
      if (DEFINITE.includes(failure.code) || isTriedEnough) throw failure;
      what.paused(failure);
      await patience.wait(failure.retryAfter);
    }
  }
}

/** How far it has got; begins it, or again when the server has forgotten it. */
async function stateOf(what: Uploading): Promise<UploadState> {
  const { rest, hashes } = what;
  if (what.attachment !== undefined) {
    try {
      return (await rest.ask('GET', `attachments/${what.attachment}`)) as UploadState;
    } catch (error) {
      if (failureOf(error).code !== 'notFound') throw error;
    }
  }
  const body = { size: hashes.bytes, sha256: hashes.whole, partSha256s: hashes.parts };
  const state = (await rest.ask('POST', 'attachments', body)) as UploadState;
  what.attachment = state.attachmentId;
  await what.began(state.attachmentId);
  return state;
}

/** Puts the parts that there are addresses for. Those that have begun come to their end even when one fails. */
async function putAll(state: UploadState, what: Uploading): Promise<void> {
  const { hashes, slots, signal, pieces, name } = what;
  const sizes = new Map<number, number>();
  const bytesOf = (part: number): number => partBytes(part, hashes);
  for (const part of state.partsThere) sizes.set(part, bytesOf(part));
  const tell = (): void => what.progress([...sizes.values()].reduce((sum, bytes) => sum + bytes, 0));
  tell();
  let failed: unknown;
  const one = async (request: PartUpload): Promise<void> => {
    if (failed !== undefined) return;
    const bytes = await pieces.get(name, request.part);
    if (!bytes) throw INTERRUPTED;
    await put(request, bytes, signal, (count) => {
      sizes.set(request.part, Math.min(count, bytes.length));
      tell();
    });
    sizes.set(request.part, bytes.length);
    tell();
  };
  const tries = state.uploads.map((request) =>
    slots
      .use(signal, () => one(request))
      .catch((error: unknown) => {
        failed ??= error;
        sizes.delete(request.part);
      }),
  );
  await Promise.all(tries);
  if (failed !== undefined) throw failed;
}

/** All but the last are of one length. */
function partBytes(part: number, { bytes, parts }: Hashes): number {
  const most = FileSealer.partBytes();
  return part < parts.length ? most : bytes - most * (parts.length - 1);
}
