/** REST: accounts, devices and people. The server is the one that the app came from. */
import type { Failure } from '../api';
import type { Login } from './core';

/** How long one request may take. */
const REQUEST_TIME_MAX_MS = 15_000;
/** An access token is renewed when it has less than this left. */
const RENEWED_BEFORE_EXPIRY_MS = 60_000;

export interface Credentials {
  accessToken: string;
  expiresMs: number;
  refreshToken: string;
  userId: string;
  device: number;
}

/** A refusal with its HTTP status. */
export interface Refused extends Failure {
  status: number;
}

export const OFFLINE: Failure = { code: 'offline', message: 'The server cannot be reached.' };
const LOGGED_OUT: Failure = { code: 'unauthenticated', message: 'This device is logged out.' };

export class Rest {
  private renewal: Promise<string> | undefined;

  constructor(
    private readonly login: () => Login | undefined,
    /** Keeps new credentials; resolves once they are durable. */
    private readonly keep: (credentials: Credentials) => Promise<void>,
    private readonly revoked: () => void,
  ) {}

  /** A token to use now; not `rejected`, which the server did not take. */
  async token(rejected?: string): Promise<string> {
    const login = this.login();
    if (!login) throw LOGGED_OUT;
    const isFresh = login.expiresMs - RENEWED_BEFORE_EXPIRY_MS > Date.now();
    if (login.accessToken !== rejected && isFresh) return login.accessToken;
    // A refresh token is good for one use, so whoever comes meanwhile waits for the same.
    this.renewal ??= this.renew(login).finally(() => (this.renewal = undefined));
    return this.renewal;
  }

  private async renew(login: Login): Promise<string> {
    try {
      const body = { refreshToken: login.refreshToken };
      const { credentials } = (await this.open('POST', 'auth/refresh', body)) as { credentials: Credentials };
      await this.keep(credentials);
      return credentials.accessToken;
    } catch (error) {
      const { status } = error as Partial<Refused>;
      if (status === 401 || status === 403) {
        this.revoked();
        throw LOGGED_OUT;
      }
      throw error;
    }
  }

  /** A request of this device. `within` milliseconds it is answered. */
  async ask(method: string, path: string, body?: unknown, within = REQUEST_TIME_MAX_MS): Promise<unknown> {
    const token = await this.token();
    try {
      return await this.open(method, path, body, token, within);
    } catch (error) {
      if ((error as Partial<Refused>).status !== 401) throw error;
      return this.open(method, path, body, await this.token(token), within);
    }
  }

  /** A request of anybody, or with a token. */
  async open(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    within = REQUEST_TIME_MAX_MS,
  ): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (token) headers['Authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await this.send(`/api/${path}`, init, within);
    const text = await answer.text();
    if (!answer.ok) throw refusal(answer.status, text);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** The bytes at an address that the server signed. */
  async bytes(address: string): Promise<Uint8Array> {
    const answer = await this.send(address, {});
    if (!answer.ok) throw refusal(answer.status, await answer.text());
    return new Uint8Array(await answer.arrayBuffer());
  }

  /** Puts bytes to an address that the server signed. */
  async put(address: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const answer = await this.send(address, { method: 'PUT', body: bytes });
    if (!answer.ok) throw refusal(answer.status, await answer.text());
  }

  private async send(address: string, init: RequestInit, within = REQUEST_TIME_MAX_MS): Promise<Response> {
    const url = new URL(address, location.origin);
    if (url.origin !== location.origin) throw { code: 'internal', message: 'The server names an address elsewhere.' };
    try {
      return await fetch(url, {
        ...init,
        credentials: 'omit',
        cache: 'no-store',
        redirect: 'error',
        signal: AbortSignal.timeout(within),
      });
    } catch {
      throw OFFLINE;
    }
  }
}

/** What an answer that is no success says. */
export function refusal(status: number, text: string): Refused {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; retryAfterMs?: number } };
    const { code, message, retryAfterMs } = error;
    return { status, code, message, ...(retryAfterMs === undefined ? {} : { retryAfter: retryAfterMs }) };
  } catch {
    // Something on the way answered in place of the server.
    return status >= 500 ? { status, ...OFFLINE } : { status, code: 'internal', message: `HTTP status ${status}` };
  }
}
