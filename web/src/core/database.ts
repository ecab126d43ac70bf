/** The names in IndexedDB that tabs and the worker share, and its requests and transactions as promises. */

export const DATABASE = 'dunlin';
/** A store with keys beside its values. */
export const META = 'meta';
/** The key in it that WebCrypto holds. */
export const WRAPPING = 'wrapping';

export function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export function complete(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new DOMException('aborted', 'AbortError'));
  });
}
