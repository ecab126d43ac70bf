/** What the core wants done when there is time: large parts of handshakes, and rows that it reads whole. */
import type { Errand } from './core';
import type { Driver } from './driver';
import { hex } from './hex';
import type { Rest } from './rest';

export async function carryOut(errand: Errand, driver: Driver, rest: Rest): Promise<void> {
  switch (errand.type) {
    case 'fetch': {
      const bytes = await fetched(errand, rest).catch(() => undefined);
      driver.push({ begin: (core) => (core.blobFetched(Date.now(), errand.hash, bytes), true) });
      return;
    }
    case 'store': {
      const stored = await store(errand, rest).then(
        () => true,
        () => false,
      );
      driver.push({ begin: (core) => (core.blobStored(Date.now(), errand.hash, stored), true) });
      return;
    }
    case 'load':
      driver.push({ begin: (core) => core.messagesLoaded(Date.now(), errand.chat, errand.after) });
  }
}

async function fetched({ chat, seq, hash }: Errand & { type: 'fetch' }, rest: Rest): Promise<Uint8Array> {
  const query = seq === undefined ? '' : `?seq=${seq}`;
  const { address } = (await rest.ask('GET', `chats/${chat}/blobs/${hex(hash)}${query}`)) as { address: string };
  return rest.bytes(address);
}

async function store({ chat, hash, bytes }: Errand & { type: 'store' }, rest: Rest): Promise<void> {
  const body = { sha256: hex(hash), size: bytes.length };
  const { address } = (await rest.ask('POST', `chats/${chat}/blobs`, body)) as { address: string };
  await rest.put(address, bytes);
}
