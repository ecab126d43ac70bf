/** Requests that the server has signed: bytes to where attachments are kept, and back. No token of ours goes with them. */
import type { Failure } from '../api';
import { OFFLINE, refusal } from './rest';

/** How long a request may stand still. */
const STILL_TIME_MAX_MS = 60_000;
/** What browsers set themselves. */
const OF_BROWSERS = ['host', 'content-length'];

export interface SignedRequest {
  url: string;
  method: string;
  headers: Record<string, string>;
}

/** Sends bytes; `sent` is told how many have left. Not `fetch`, which says nothing on the way. */
export function put(
  request: SignedRequest,
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
  sent: (count: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const xhr = new XMLHttpRequest();
    const watch = new Watch(() => xhr.abort());
    const stop = (): void => xhr.abort();
    signal.addEventListener('abort', stop);
    xhr.upload.onprogress = ({ loaded }) => {
      watch.moved();
      sent(loaded);
    };
    xhr.onloadend = () => {
      watch.end();
      signal.removeEventListener('abort', stop);
      if (signal.aborted) reject(signal.reason);
      else if (xhr.status === 0) reject(OFFLINE);
      else if (xhr.status >= 200 && xhr.status < 300) resolve();
      else reject(refused(xhr.status, xhr.responseText));
    };
    xhr.open(request.method, addressOf(request));
    for (const [name, value] of headersOf(request)) xhr.setRequestHeader(name, value);
    xhr.send(bytes);
  });
}

/** Reads a file from a place on, piece by piece. What breaks on the way is told as `offline`. */
export async function* read(
  request: SignedRequest,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reading = new AbortController();
  const stop = (): void => reading.abort();
  const watch = new Watch(stop);
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    const answer = await fetch(addressOf(request), {
      method: request.method,
      headers: [...headersOf(request), ['range', `bytes=${from}-`]],
      credentials: 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: reading.signal,
    });
    if (answer.status !== 206 && !(answer.status === 200 && from === 0)) {
      throw refused(answer.status, answer.ok ? '' : await answer.text());
    }
    const reader = (answer.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      watch.moved();
      yield value;
    }
  } catch (error) {
    signal.throwIfAborted();
    // What `fetch` and the reader throw says nothing that could be told.
    throw error instanceof TypeError || error instanceof DOMException ? OFFLINE : error;
  } finally {
    watch.end();
    signal.removeEventListener('abort', stop);
    stop();
  }
}

/** Object stores have words of their own for what the server calls `forbidden` and `notFound`. */
function refused(status: number, text: string): Failure {
  const failure = refusal(status, text);
  if (failure.code !== 'internal') return failure;
  if (status === 403) return { ...failure, code: 'forbidden' };
  if (status === 404) return { ...failure, code: 'notFound' };
  return failure;
}

class Watch {
  private timer: ReturnType<typeof setTimeout>;

  constructor(private readonly stoodStill: () => void) {
    this.timer = setTimeout(stoodStill, STILL_TIME_MAX_MS);
  }

  moved(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.stoodStill, STILL_TIME_MAX_MS);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

/** At this server, or at the store that it names, which the policy of the app has to allow. */
function addressOf({ url }: SignedRequest): URL {
  const address = new URL(url, location.origin);
  if (address.protocol !== 'https:' && address.protocol !== location.protocol) {
    throw { code: 'internal', message: 'The server names an address that is none.' } satisfies Failure;
  }
  return address;
}

function headersOf({ headers }: SignedRequest): [string, string][] {
  return Object.entries(headers).filter(([name]) => !OF_BROWSERS.includes(name.toLowerCase()));
}
