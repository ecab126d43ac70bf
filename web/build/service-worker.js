/*
 * Keeps the shell of the app, so that it opens without a network. What people wrote never passes here:
 * that lies in the vault, which the worker of the core owns.
 */
const RELEASE = '__RELEASE__';
const ASSETS = ['__ASSETS__'].flat();
const SHELL = ['/', '/manifest.webmanifest', '/icons/icon.svg', ...ASSETS];
const CACHE = `shell-${RELEASE}`;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

// A new release waits until the last tab of the old one is closed, so no tab loses the files it was built with.
self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)))),
  );
});

async function page(request) {
  // The newest page while there is a network, the kept one otherwise.
  try {
    const answer = await fetch(request);
    if (answer.ok) return answer;
  } catch {
    // No network: below.
  }
  const cache = await caches.open(CACHE);
  return (await cache.match('/')) ?? Response.error();
}

async function asset(request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(request)) ?? fetch(request);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== 'GET' || address.origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (address.pathname === '/') event.respondWith(page(request));
  } else if (SHELL.includes(address.pathname)) {
    event.respondWith(asset(request));
  }
});

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  // The page of a first visit counts too: no worker serves that one yet.
  event.waitUntil(
    self.clients.matchAll({ type: 'window', includeUncontrolled: true }).then(async (windows) => {
      const open = windows[0];
      if (!open) return self.clients.openWindow(`/#/chat/${event.notification.data?.chat ?? ''}`);
      open.postMessage({ type: 'openChat', chat: event.notification.data?.chat });
      return open.focus();
    }),
  );
});
