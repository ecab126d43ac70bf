import { mount } from 'svelte';
import App from './app/App.svelte';
import './design/tokens.css';
import './design/base.css';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

// The shell is drawn first; the core and its WebAssembly are asked for after that.
const core = import('./core').then((module) => module.connectCore());
mount(App, { target, props: { core } });

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  void navigator.serviceWorker.register('/service-worker.js');
}
