/** A server and browsers as people run them: real processes, in a directory of their own. */
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { CHROMIUM, FLAGS } from '../tests/page/browser.mjs';
import { POLICY } from '../tests/page/server.mjs';

export const root = join(import.meta.dirname, '../..');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');
/** A program that cargo has built. */
export const built = (name) => join(target, 'debug', name);
/** The program under test. */
const DUNLIN = process.env.DUNLIN_BIN ?? built('dunlin');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css' };
/** Where the bytes of a file are. */
const FILE = /\/attachments\/\w+\/file/;
/** How long a test waits for what is to happen. */
export const PATIENCE_MS = 60_000;
/** How long browsers may take to close. */
const CLOSING_MS = 20_000;

export async function until(what, isSo, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await isSo();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await sleep(50);
  }
}

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The server, with the app before it as one origin. */
export class Machine {
  directory = mkdtempSync(join(tmpdir(), 'dunlin-e2e-'));
  browsers = [];
  sockets = new Set();
  /** Connections that were made so far. */
  links = 0;
  /** Parts of files on their way to the server: `{ attachment, part, isOver, status }`, in the order in which they came; without a
   *  status they got no answer. */
  puts = [];
  /** Bytes of parts that went to the server. */
  putBytes = 0;
  /** Numbers of `putBytes` at which all connections are cut, ascending. */
  cuts = [];
  /** How many more parts are let through; the others are held until `release`. */
  partsLet = Infinity;
  /** Whether files that are asked for are held until `release`. */
  holdsFiles = false;
  held = [];
  /** Parts that were on their way at the same time, at most. */
  putsAtOnce = 0;
  /** Whether connections are taken; requests are in any case. */
  takesLinks = true;
  /** How many more addresses of files are out of date when they are used. */
  expired = 0;

  /** What the server is told beside its options. */
  variables = {};

  /**
   * `app` is the directory of the built app; without one, it is the app that the server has inside. With `isFronted` everything
   * goes through here in any case. `prepare` is called once the address of the app is known, and before the server runs.
   */
  static async start(app, options = [], { isFronted = app !== undefined, prepare = () => {} } = {}) {
    const machine = new Machine();
    machine.options = options;
    machine.app = app;
    try {
      machine.port = await freePort();
      machine.url = `http://127.0.0.1:${machine.port}`;
      if (isFronted) await machine.openFront();
      await prepare(machine);
      await machine.serve();
    } catch (error) {
      // What listens would keep this process for ever.
      await machine.end();
      throw error;
    }
    return machine;
  }

  async openFront() {
    this.front = createServer((incoming, outgoing) => this.answer(incoming, outgoing));
    this.front.on('upgrade', (incoming, socket, head) => this.upgrade(incoming, socket, head));
    await new Promise((resolve) => this.front.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.front.address().port}`;
  }

  /** Starts the server and waits until it answers. */
  async serve() {
    const log = openSync(join(this.directory, 'server.log'), 'a');
    const given = [
      'serve',
      '--listen',
      `127.0.0.1:${this.port}`,
      '--data-dir',
      join(this.directory, 'data'),
      '--test-accounts',
      ...this.options,
    ];
    const env = { ...process.env, ...this.variables };
    const server = spawn(DUNLIN, given, { stdio: ['ignore', log, log], env });
    const stop = () => server.kill('SIGKILL');
    process.once('exit', stop);
    server.once('exit', () => process.off('exit', stop));
    server.once('error', (error) => (this.failure = error));
    this.server = server;
    await until('the server listens', async () => {
      if (this.failure) throw this.failure;
      if (server.exitCode !== null || server.signalCode !== null)
        throw new Error(`the server ended: ${readFileSync(join(this.directory, 'server.log'), 'utf8')}`);
      const answer = await fetch(`http://127.0.0.1:${this.port}/`).catch(() => undefined);
      // The app in a folder is held to what the one inside is.
      this.policy = answer?.headers.get('content-security-policy') ?? POLICY;
      return answer !== undefined;
    });
  }

  /** Ends the server, at once. */
  async kill() {
    const { server } = this;
    if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await ended;
  }

  /** The code that the server wrote to its log for an address. */
  codeFor(address) {
    const marker = `The code for ${address} is `;
    return until(`a code for ${address}`, () => {
      const log = readFileSync(join(this.directory, 'server.log'), 'utf8');
      const at = log.lastIndexOf(marker);
      return at < 0 ? undefined : log.slice(at + marker.length, at + marker.length + 6);
    });
  }

  /** A browser with a profile of its own; `args` are more of its flags. */
  async browser(name, { args = [], ...options } = {}) {
    const context = await chromium.launchPersistentContext(join(this.directory, `browser-${name}`), {
      ...CHROMIUM,
      headless: true,
      args: [...args, ...FLAGS],
      ...options,
    });
    this.browsers.push(context);
    return context;
  }

  async end() {
    const closed = Promise.all(this.browsers.map((browser) => browser.close().catch(() => {})));
    if ((await Promise.race([closed, sleep(CLOSING_MS, 'late', { ref: false })])) === 'late') {
      // They end with this process, and nothing else ends them.
      console.error('a browser does not close');
      process.exit(1);
    }
    for (const socket of this.sockets) socket.destroy();
    this.front?.close();
    this.front?.closeAllConnections();
    if (this.server) await this.kill();
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Cuts every connection to the browsers. */
  cut() {
    for (const socket of this.sockets) socket.destroy();
    this.front.closeAllConnections();
  }

  /** Holds parts of files after so many. */
  hold(partsLet) {
    this.partsLet = partsLet;
  }

  /** Lets all through that are still wanted. */
  release() {
    this.partsLet = Infinity;
    this.holdsFiles = false;
    for (const go of this.held.splice(0)) go();
  }

  pass(incoming, outgoing, put) {
    const { method, headers, url } = incoming;
    // Its time is over, so the server does not take it.
    const isExpired = this.expired > 0 && FILE.test(url);
    if (isExpired) this.expired -= 1;
    const path = isExpired ? url.replace(/expires=\d+/, 'expires=1') : url;
    const passed = request({ host: '127.0.0.1', port: this.port, method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
      if (put) outgoing.on('finish', () => (put.status = answer.statusCode));
    });
    passed.on('error', () => outgoing.destroy());
    incoming.on('close', () => {
      if (!incoming.complete) passed.destroy();
    });
    if (put) {
      incoming.on('data', (bytes) => {
        this.putBytes += bytes.length;
        if (this.putBytes >= this.cuts[0]) {
          this.cuts.shift();
          this.cut();
        }
      });
    }
    incoming.pipe(passed);
  }

  answer(incoming, outgoing) {
    if (this.app === undefined || incoming.url.startsWith('/api/')) {
      const named = incoming.method === 'PUT' && /\/attachments\/(\w+)\/parts\/(\d+)/.exec(incoming.url);
      const put = named ? { attachment: named[1], part: Number(named[2]), isOver: false } : undefined;
      const go = () => {
        if (incoming.destroyed || incoming.socket.destroyed) return;
        if (put) {
          this.puts.push(put);
          this.putsAtOnce = Math.max(this.putsAtOnce, this.puts.filter(({ isOver }) => !isOver).length);
          outgoing.once('close', () => (put.isOver = true));
        }
        this.pass(incoming, outgoing, put);
      };
      if (put ? this.partsLet <= 0 : this.holdsFiles && FILE.test(incoming.url)) {
        this.held.push(go);
        return;
      }
      if (put) this.partsLet -= 1;
      go();
      return;
    }
    const path = normalize(new URL(incoming.url, this.url).pathname);
    const file = join(this.app, path === '/' ? 'index.html' : path);
    try {
      statSync(file);
    } catch {
      outgoing.writeHead(404).end();
      return;
    }
    outgoing.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': this.policy,
    });
    createReadStream(file).pipe(outgoing);
  }

  upgrade(incoming, socket, head) {
    if (!this.takesLinks) {
      socket.destroy();
      return;
    }
    this.links += 1;
    const server = connect(this.port, '127.0.0.1', () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${value}`);
      server.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
      server.write(head);
      server.pipe(socket);
      socket.pipe(server);
    });
    for (const end of [server, socket]) {
      this.sockets.add(end);
      end.on('error', () => end.destroy());
      end.on('close', () => {
        this.sockets.delete(end);
        server.destroy();
        socket.destroy();
      });
    }
  }
}

/** The core in a page. */
export class CorePage {
  constructor(machine, page) {
    this.machine = machine;
    this.page = page;
  }

  static async open(machine, browser) {
    const page = await browser.newPage();
    const core = new CorePage(machine, page);
    if (process.env.DUNLIN_E2E_LOG) page.on('console', (message) => console.log(message.text()));
    await page.goto(machine.url);
    await page.waitForFunction(() => window.core);
    return core;
  }

  /** Calls a method of the core; a failure is thrown with its code. */
  async call(name, ...given) {
    const answer = await this.page.evaluate(
      async ([name, given]) => {
        try {
          return { value: await window.core[name](...given) };
        } catch (failure) {
          return { failure: { code: failure.code, message: failure.message } };
        }
      },
      [name, given],
    );
    if (answer.failure)
      throw Object.assign(new Error(`${name}: ${answer.failure.code}: ${answer.failure.message}`), answer.failure);
    return answer.value;
  }

  /** Registers, or logs in as one more device. */
  async logIn(name) {
    const address = `${name}@example.org`;
    await until('the core stands', async () => (await this.call('session')).state === 'loggedOut');
    await this.call('requestCode', address);
    return this.call('logIn', address, await this.machine.codeFor(address), 'browser');
  }

  async isCaughtUp() {
    await until('it is caught up', async () => {
      const connection = await this.call('connection');
      return connection.state === 'online' && connection.caughtUp;
    });
  }

  /** What is written in a chat, oldest first, with `*` behind what waits. */
  async texts(chat) {
    const { items } = await this.call('history', chat, undefined, 200);
    const messages = items.filter((item) => item.type === 'message').reverse();
    return messages.map(
      (message) => `${message.body.text ?? message.body.kind}${message.status === 'waiting' ? '*' : ''}`,
    );
  }

  /** The message with this text, if it is here. */
  async said(chat, text) {
    const { items } = await this.call('history', chat, undefined, 200);
    return items.find((item) => item.type === 'message' && item.body.text === text);
  }

  /** Waits for an event that was not asked for yet. */
  event(type) {
    return until(type, () =>
      this.page.evaluate((type) => {
        const at = window.events.findIndex((event) => event.type === type);
        return at < 0 ? undefined : window.events.splice(at, 1)[0];
      }, type),
    );
  }

  /** Rows in the vault. */
  storedRows() {
    return this.page.evaluate(async () => {
      if (!(await indexedDB.databases()).some(({ name }) => name === 'dunlin')) return 0;
      const request = indexedDB.open('dunlin');
      const database = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const count = database.transaction('rows').objectStore('rows').count();
      const rows = await new Promise((resolve) => (count.onsuccess = () => resolve(count.result)));
      database.close();
      return rows;
    });
  }

  /** Kills the process of the page, which is the worker's too, and opens the page again. */
  async kill() {
    const context = this.page.context();
    const cdp = await context.newCDPSession(this.page);
    const crashed = this.page.waitForEvent('crash');
    // It never answers.
    void cdp.send('Page.crash').catch(() => {});
    await crashed;
    void this.page.close().catch(() => {});
    this.page = await context.newPage();
    await this.page.goto(this.machine.url);
    await this.page.waitForFunction(() => window.core);
  }

  /** Waits until a chat says this, and nothing else. */
  async shows(chat, expected) {
    let texts;
    await until(
      () => '',
      async () => {
        texts = await this.texts(chat);
        return JSON.stringify(texts) === JSON.stringify(expected);
      },
    ).catch(() => {
      throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(texts)}`);
    });
  }
}
