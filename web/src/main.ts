import { mount } from 'svelte';
import App from './app/App.svelte';
import { connectCore, type Core } from './core';
import './design/tokens.css';
import './design/base.css';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

/** A page that nobody looks at is not drawn, and begins all the same. */
const DRAWN_MS = 300;

/** When the browser has drawn what stands in the page now. */
const drawn = () =>
  new Promise<void>((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, DRAWN_MS);
  });

// Whoever was here before has it all on the device: the core begins while the page is being made. On a first visit the shell is
// drawn first, and the core with its WebAssembly is asked for after that.
const wasHere = Boolean((navigator as Partial<Navigator>).serviceWorker?.controller);
const core = wasHere ? new Promise<Core>((begin) => begin(connectCore())) : drawn().then(connectCore);
mount(App, { target, props: { core } });

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  void navigator.serviceWorker.register('/service-worker.js');
}
