/**
 * Who is here, the top of the list and the end of the conversation that was open, as they were last seen. The worker keeps it;
 * a tab reads it by itself, before there is a worker and the vault is open, which with ten thousand chats takes a second and
 * more. Sealed by the key that WebCrypto holds, as the key of the vault is.
 */
import { seqOf } from '../text/rows';
import type { ChatDetails, ChatSummary, Item, Message, Page, Session } from './api';
import { complete, DATABASE, done, META, WRAPPING } from './database';
import type { Call } from './messages';

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
export function answered({ session, chats, open }: Seen, call: Call, given: unknown[]): { value: unknown } | undefined {
  if (call === 'session') return { value: session };
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

/**
 * What may be kept of a conversation, in which only the vault sees to what must go: nothing where messages disappear, no small pictures, no
 * words that are quoted from elsewhere, no draft, and nothing that lets others in.
 */
export function keepable(details: ChatDetails, { items, ...rest }: Page): SeenChat | undefined {
  const disappears = (item: Item) => item.type === 'message' && item.disappears !== undefined;
  if (details.timerSeconds !== undefined || items.some(disappears)) return undefined;
  const { inviteCode: _code, ...kept } = details;
  const page = { items: items.map((item) => (item.type === 'message' ? withoutQuote(item) : item)), ...rest };
  return { details: { ...kept, draft: '', banned: [], isOld: true }, page };
}

function withoutQuote(message: Message): Message {
  const { replyTo } = message;
  return replyTo ? { ...message, replyTo: { ...replyTo, preview: { kind: 'notHere' } } } : message;
}

export class Glimpse {
  constructor(
    private readonly database: IDBDatabase,
    private readonly key: CryptoKey,
  ) {}

  /** Nothing when there is none, or when it cannot be read: then the vault says it. */
  async read(): Promise<Seen | undefined> {
    try {
      const request = this.database.transaction(META, 'readonly').objectStore(META).get(GLIMPSE);
      const kept = (await done(request)) as Uint8Array<ArrayBuffer> | undefined;
      if (!kept) return undefined;
      const [iv, sealed] = [kept.slice(0, NONCE_BYTES), kept.slice(NONCE_BYTES)];
      const text = await crypto.subtle.decrypt(this.how(iv), this.key, sealed);
      return JSON.parse(new TextDecoder().decode(text)) as Seen;
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
    const transaction = this.database.transaction(META, 'readwrite', { durability: 'relaxed' });
    transaction.objectStore(META).put(kept, GLIMPSE);
    await complete(transaction);
  }

  private how(iv: Uint8Array<ArrayBuffer>): AesGcmParams {
    return { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(GLIMPSE) };
  }
}

/** What a tab reads before there is a worker; nothing where there is no vault, or the vault says more. Never fails. */
export async function peek(): Promise<Seen | undefined> {
  let database: IDBDatabase | undefined;
  try {
    const request = indexedDB.open(DATABASE);
    // There is none, and making it is for the worker.
    request.onupgradeneeded = () => request.transaction?.abort();
    const opened = await done(request);
    database = opened;
    // Whoever wants to remove or change it does not wait for this.
    opened.onversionchange = () => opened.close();
    const key = (await done(opened.transaction(META, 'readonly').objectStore(META).get(WRAPPING))) as CryptoKey | undefined;
    return key && (await new Glimpse(opened, key).read());
  } catch {
    return undefined;
  } finally {
    database?.close();
  }
}

export function toText(seen: Seen): string {
  return JSON.stringify(seen, (_, value: unknown) => (value instanceof Uint8Array ? undefined : value));
}
