/** A page that is nothing but the core, for tests to call. */
import { connectCore, type Core, type CoreEvent } from '../../src/core';
import { Storage } from '../../src/core/worker/storage';

declare global {
  interface Window {
    core: Core;
    events: CoreEvent[];
    /** SHA-256 in hexadecimal digits. */
    hash: (file: Blob) => Promise<string>;
    /** The vault as the worker has it, to read. */
    openVault: (settleAfterMs?: number) => Promise<Storage>;
  }
}

const core = connectCore();
window.events = [];
core.subscribe((event) => window.events.push(event));
// A promise would ask a core whether it is one; it is handed over as it is.
window.core = core;
window.hash = async (file) => {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};
window.openVault = (settleAfterMs) => Storage.open(() => {}, settleAfterMs);
