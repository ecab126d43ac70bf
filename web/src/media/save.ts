import { savedName } from './names';

/** Long enough for a browser that asks where to. */
const REVOKE_MS = 60_000;

/** Hands a file to the browser to be saved, never to be opened: plain octets, under a name that names no folder. */
export function save(blob: Blob, name: string, otherwise: string): void {
  const address = URL.createObjectURL(new Blob([blob], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = savedName(name, otherwise);
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), REVOKE_MS);
}
