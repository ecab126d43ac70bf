/** What is measured in pages: by their own clocks, and by what the browser says of its processes. */

/** How long a worker may take to tell of its heap. */
const ANSWERED_MS = 60_000;

/** The value below which so many of a hundred lie. */
export function percentile(values, percent) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))];
}

export const rounded = (value, digits = 0) => Number(value.toFixed(digits));
/** The middle, and how far the others lie apart. */
export const spread = (values, digits = 0) =>
  `${rounded(percentile(values, 50), digits)} (${rounded(Math.min(...values), digits)} to ${rounded(Math.max(...values), digits)})`;

/** Notes when what a selector names is there and painted, from the beginning of the page on. */
export function noteFirst(selectors) {
  window.firsts = {};
  const look = () => {
    for (const [name, selector] of Object.entries(selectors)) {
      if (window.firsts[name] !== undefined || !document.querySelector(selector)) continue;
      window.firsts[name] = null;
      requestAnimationFrame(() => requestAnimationFrame(() => (window.firsts[name] = performance.now())));
    }
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
}

/** Begins to note frames and long tasks. */
export function beginFrames() {
  window.frames_ = [];
  window.tasks = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.tasks.push(entry.duration);
  }).observe({ entryTypes: ['longtask'] });
  let before = performance.now();
  const frame = (now) => {
    window.frames_.push(now - before);
    before = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

/** Bytes of JavaScript and WebAssembly of a page and of the worker behind it. */
export async function heaps(context, page) {
  const cdp = await context.newCDPSession(page);
  await cdp.send('HeapProfiler.collectGarbage');
  const ofPage = await cdp.send('Runtime.getHeapUsage');
  const browser = await context.browser().newBrowserCDPSession();
  const { targetInfos } = await browser.send('Target.getTargets');
  const worker = targetInfos.find(({ type }) => type === 'shared_worker');
  if (!worker) throw new Error('the core runs nowhere');
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId: worker.targetId, flatten: false });
  let id = 0;
  const ask = (method, params = {}) =>
    new Promise((resolve, reject) => {
      const asked = (id += 1);
      const hear = ({ sessionId: from, message }) => {
        const answer = JSON.parse(message);
        if (from !== sessionId || answer.id !== asked) return;
        browser.off('Target.receivedMessageFromTarget', hear);
        if (answer.error) reject(new Error(answer.error.message));
        else resolve(answer.result);
      };
      browser.on('Target.receivedMessageFromTarget', hear);
      setTimeout(() => reject(new Error(`the worker does not answer ${method}`)), ANSWERED_MS).unref();
      const message = JSON.stringify({ id: asked, method, params });
      browser.send('Target.sendMessageToTarget', { sessionId, message }).catch(reject);
    });
  await ask('HeapProfiler.enable');
  await ask('HeapProfiler.collectGarbage');
  const ofWorker = await ask('Runtime.getHeapUsage');
  // The memory of WebAssembly is one buffer, which the heap's own numbers do not have.
  const { result } = await ask('Runtime.evaluate', { expression: 'WebAssembly.Memory.prototype' });
  const { objects } = await ask('Runtime.queryObjects', { prototypeObjectId: result.objectId });
  const sum = 'function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }';
  const wasm = await ask('Runtime.callFunctionOn', {
    objectId: objects.objectId,
    functionDeclaration: sum,
    returnByValue: true,
  });
  await browser.detach();
  const mib = (bytes) => rounded(bytes / 1024 / 1024, 1);
  return { page: mib(ofPage.usedSize), worker: mib(ofWorker.usedSize), wasm: mib(wasm.result.value) };
}
