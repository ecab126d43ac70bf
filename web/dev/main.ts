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
mount(App, { target, props: { core: begun(wanted.get('core')) } });

/** `how`: the core never comes (`never`), or ends at once with a failure of that code. */
function begun(how: string | null): Promise<MemoryCore> {
  if (how === 'never') return new Promise(() => undefined);
  return how ? Promise.reject({ code: how, message: `It ended: ${how}.` }) : Promise.resolve(core);
}
