/**
 * Who is here and the top of the list as it was last seen. It is read before the core stands and the vault is open, which
 * with ten thousand chats takes a second and more. Sealed by the key that WebCrypto holds, as the key of the vault is.
 */
import type { ChatSummary, Session } from '../api';
import { complete, done } from './database';

/** How many chats: more than a screen holds, and what the app asks for first. */
export const GLIMPSE_CHATS = 40;
/** Its key. */
export const GLIMPSE = 'glimpse';
const NONCE_BYTES = 12;

export interface Seen {
  session: Session & { state: 'ready' };
  chats: ChatSummary[];
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
      return JSON.parse(new TextDecoder().decode(text)) as Seen;
    } catch (error) {
      console.warn('the last glimpse of the list cannot be read', error);
      return undefined;
    }
  }

  async keep(seen: Seen): Promise<void> {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
    const text = new TextEncoder().encode(JSON.stringify(seen));
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
