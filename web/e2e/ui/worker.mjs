/**
 * What was written in the worker that runs the core, which nothing in a page hears. It is asked for at the end: a worker that
 * somebody listens to is not let go when its last page reloads.
 */

/** Errors, breaches of the policy and exceptions of the shared workers of this browser that live now. */
export async function workerFaults(context) {
  const faults = [];
  const cdp = await context.browser().newBrowserCDPSession();
  const { targetInfos } = await cdp.send('Target.getTargets');
  for (const { targetId, type } of targetInfos) {
    if (type !== 'shared_worker') continue;
    const { sessionId } = await cdp.send('Target.attachToTarget', { targetId, flatten: false });
    // What was written before is told before the answers.
    const told = new Promise((resolve) => {
      cdp.on('Target.receivedMessageFromTarget', ({ sessionId: from, message }) => {
        if (from !== sessionId) return;
        const { id, method, params } = JSON.parse(message);
        if (id === 2) resolve();
        const fault = faultOf(method, params);
        if (fault) faults.push(`worker: ${fault}`);
      });
    });
    for (const [id, method] of [
      [1, 'Runtime.enable'],
      [2, 'Log.enable'],
    ]) {
      await cdp.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
    }
    await told;
    await cdp.send('Target.detachFromTarget', { sessionId });
  }
  await cdp.detach();
  return faults;
}

function faultOf(method, params) {
  switch (method) {
    case 'Runtime.exceptionThrown':
      return params.exceptionDetails.exception?.description ?? params.exceptionDetails.text;
    case 'Log.entryAdded': {
      const { level, source, text, url } = params.entry;
      return level === 'error' || source === 'security' ? `${text} ${url ?? ''}` : undefined;
    }
    case 'Runtime.consoleAPICalled':
      if (params.type !== 'error') return undefined;
      return params.args.map(({ value, description }) => value ?? description).join(' ');
    default:
      return undefined;
  }
}
