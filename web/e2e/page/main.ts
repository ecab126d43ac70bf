/** A page that is nothing but the core, for tests to call. */
import { connectCore, type Core, type CoreEvent } from '../../src/core';

declare global {
  interface Window {
    core: Core;
    events: CoreEvent[];
  }
}

const core = connectCore();
window.events = [];
core.subscribe((event) => window.events.push(event));
// A promise would ask a core whether it is one; it is handed over as it is.
window.core = core;
