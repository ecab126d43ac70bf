/**
 * Who is here, the top of the list and the end of the conversation that was open, as they were last seen. It is read before
 * the core stands and the vault is open, which with ten thousand chats takes a second and more. Sealed by the key that
 * WebCrypto holds, as the key of the vault is.
 */
import type { ChatDetails, ChatSummary, Page, Session } from '../api';
import type { Call } from '../messages';
import { seqOf } from '../../text/rows';
import { complete, done } from './database';

/** How many chats: more than a screen holds, and what the app asks for first. */
export const GLIMPSE_CHATS = 40;
/** Its key. */
export const GLIMPSE = 'glimpse';
const NONCE_BYTES = 12;

/** How many messages of a conversation: what the app asks for first. */
export const GLIMPSE_ITEMS = 40;

/** A conversation, and its newest page. */
export interface SeenChat {
  details: ChatDetails;
  page: Page;
}

export interface Seen {
  session: Session & { state: 'ready' };
  chats: ChatSummary[];
  open?: SeenChat;
}

/** What a call is answered by it; undefined: by the vault alone. */
export function answered({ chats, open }: Seen, call: Call, given: unknown[]): { value: unknown } | undefined {
  if (call === 'chats' && given[0] === 0) return { value: chats.slice(0, given[1] as number) };
  if (!open || given[0] !== open.details.chat) return undefined;
  if (call === 'chat') return { value: open.details };
  if (call !== 'history' || given[1] !== undefined) return undefined;
  return newest(open.page, given[2] as number);
}

/** So many of the newest; undefined when there are more than these. */
function newest(page: Page, limit: number): { value: Page } | undefined {
  const items = page.items.slice(0, limit);
  if (items.length === page.items.length) {
    return limit === items.length || page.nextBefore === undefined ? { value: page } : undefined;
  }
  const last = items.at(-1);
  const seq = last && seqOf(last);
  return seq === undefined ? undefined : { value: { items, nextBefore: seq } };
}

/** Whether a conversation may be kept so: not one in which messages are to disappear, which only the vault sees to. */
export function mayBeKept({ details, page }: SeenChat): boolean {
  return details.timerSeconds === undefined && !page.items.some((item) => 'disappears' in item);
}

export class Glimpse {
  constructor(
    private readonly database: IDBDatabase,
    /** Where it is kept, a store with keys beside its values. */
    private readonly store: string,
    private readonly key: CryptoKey,
  ) {}

  /** Nothing when there is none, or when it cannot be read: then the vault says it. */
  async read(): Promise<Seen | undefined> {
    try {
      const request = this.database.transaction(this.store, 'readonly').objectStore(this.store).get(GLIMPSE);
      const kept = (await done(request)) as Uint8Array<ArrayBuffer> | undefined;
      if (!kept) return undefined;
      const [iv, sealed] = [kept.slice(0, NONCE_BYTES), kept.slice(NONCE_BYTES)];
      const text = await crypto.subtle.decrypt(this.how(iv), this.key, sealed);
      return fromText(new TextDecoder().decode(text));
    } catch (error) {
      console.warn('what was seen last cannot be read', error);
      return undefined;
    }
  }

  async keep(seen: Seen): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const text = new TextEncoder().encode(toText(seen));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(this.how(iv), this.key, text));
    const kept = new Uint8Array(NONCE_BYTES + sealed.length);
    kept.set(iv);
    kept.set(sealed, NONCE_BYTES);
    const transaction = this.database.transaction(this.store, 'readwrite', { durability: 'relaxed' });
    transaction.objectStore(this.store).put(kept, GLIMPSE);
    await complete(transaction);
  }

  private how(iv: Uint8Array<ArrayBuffer>): AesGcmParams {
    return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(GLIMPSE) };
  }
}

export function toText(seen: Seen): string {
  return JSON.stringify(seen, withoutBytes);
}

export function fromText(text: string): Seen {
  return JSON.parse(text, withBytes) as Seen;
}

/** The name under which JSON has bytes. */
const BYTES = '$bytes';

function withoutBytes(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return { [BYTES]: btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join('')) };
}

function withBytes(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !(BYTES in value)) return value;
  return Uint8Array.from(atob(value[BYTES] as string), (letter) => letter.charCodeAt(0));
}
