/** What tabs and the worker say to each other, over a MessagePort. */
import type { Core, CoreEvent, Failure } from './api';

export type Call = Exclude<keyof Core, 'subscribe' | 'close'>;

export type ToWorker =
  /** The first message. The tab holds this Web Lock for as long as it is there. */
  { type: 'hello'; lock: string } | { type: 'call'; id: number; call: Call; arguments: unknown[] } | { type: 'bye' };

export type ToTab =
  /** The answer. The worker holds this Web Lock for as long as it is there. */
  | { type: 'hello'; lock: string }
  | { type: 'answer'; id: number; value: unknown }
  | { type: 'failure'; id: number; failure: Failure }
  /** What happened, in this order. What happened at once comes at once, so that a tab draws it once. */
  | { type: 'events'; events: CoreEvent[] };

/** Whatever was thrown, as the app hears of it. */
export function failureOf(error: unknown): Failure {
  if (isFailure(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
  const isStorage = error instanceof DOMException;
  return { code: isStorage ? 'storage' : 'internal', message: isFull ? 'This device is out of space.' : message };
}

function isFailure(error: unknown): error is Failure {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    'message' in error
  );
}
