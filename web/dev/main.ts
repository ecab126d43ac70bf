import { mount } from 'svelte';
import App from '../src/app/App.svelte';
import '../src/design/tokens.css';
import '../src/design/base.css';
import { MemoryCore } from './memory/core';
import { sample } from './memory/sample';

const target = document.getElementById('app');
if (!target) throw new Error('the page has no #app');

const wanted = new URLSearchParams(location.search);
if (wanted.get('dir') === 'rtl') document.documentElement.dir = 'rtl';
const core = new MemoryCore(sample(wanted, Date.now()));
// Page tests speak as the other people through this.
Object.assign(window, { memory: core });
mount(App, { target, props: { core: Promise.resolve(core) } });
