/** Where the worker begins: one for all tabs where browsers have that, else one for each, of which one runs. */
import { Host, type TabPort } from './host';

const host = new Host();

if ('onconnect' in globalThis) {
  (globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
    const [port] = event.ports;
    if (port) host.join(port as unknown as TabPort);
  };
} else {
  host.join(globalThis as unknown as TabPort);
}
