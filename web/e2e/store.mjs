/** An object store that speaks S3, with the rule for browsers that operators are told to set. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { built, freePort, root } from './machine.mjs';

const PROGRAM = process.env.DUNLIN_S3_BIN ?? built('dunlin-testkit-s3');
/** Where the web app is, in the documentation. */
const DOCUMENTED_ORIGIN = 'https://chat.example.org';

/** The CORS rule of docs/operations.md, for an app at this address. */
function documentedRule(origin) {
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
  const [, rule] = /\*\*CORS\*\*[\s\S]*?```json\n([\s\S]*?)```/.exec(page);
  return rule.replaceAll(DOCUMENTED_ORIGIN, origin);
}

export class Store {
  /** So many requests of browsers come too late: what signs them is years old. */
  late = 0;
  /** What the store answered them. */
  refusals = [];
  /** Numbers of bytes between browsers and the store at which the connection is cut, ascending. */
  cuts = [];
  /** Those bytes. */
  passed = 0;

  /** A store for the app at this address. */
  static async start(origin) {
    const store = new Store();
    store.process = spawn(PROGRAM, [documentedRule(origin)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(store.process, 'spawn');
    for await (const line of createInterface({ input: store.process.stdout })) {
      Object.assign(store, JSON.parse(line));
      await store.standBefore();
      return store;
    }
    throw new Error('the store does not start');
  }

  /** Stands between the store and everybody: what is signed names this address. */
  async standBefore() {
    const { hostname, port } = new URL(this.endpoint);
    this.front = createServer((incoming, outgoing) => {
      const { method, headers } = incoming;
      const isOfBrowser = headers.origin !== undefined && method !== 'OPTIONS';
      const isLate = isOfBrowser && this.late > 0;
      if (isLate) this.late -= 1;
      const path = isLate ? incoming.url.replace(/X-Amz-Date=\d{8}T/, 'X-Amz-Date=20200101T') : incoming.url;
      const passed = request({ hostname, port, method, headers, path }, (answer) => {
        if (isLate) this.refusals.push(answer.statusCode);
        outgoing.writeHead(answer.statusCode, answer.headers);
        answer.pipe(outgoing);
        if (isOfBrowser) answer.on('data', count);
      });
      const count = (bytes) => {
        this.passed += bytes.length;
        if (this.passed >= this.cuts[0]) {
          this.cuts.shift();
          incoming.socket.destroy();
        }
      };
      passed.on('error', () => outgoing.destroy());
      incoming.on('close', () => incoming.complete || passed.destroy());
      outgoing.on('close', () => outgoing.writableFinished || passed.destroy());
      if (isOfBrowser) incoming.on('data', count);
      incoming.pipe(passed);
    });
    this.front.listen(0, '127.0.0.1');
    await once(this.front, 'listening');
    this.endpoint = `http://127.0.0.1:${this.front.address().port}`;
  }

  /** What makes a machine's server keep files here, and count what passes it. */
  async serve(machine) {
    const key = join(machine.directory, 's3.key');
    writeFileSync(key, this.secretAccessKey);
    this.metrics = `127.0.0.1:${await freePort()}`;
    Object.assign(machine.variables, {
      DUNLIN_ATTACHMENTS__S3__ENDPOINT: this.endpoint,
      DUNLIN_ATTACHMENTS__S3__BUCKET: this.bucket,
      DUNLIN_ATTACHMENTS__S3__PATH_STYLE: 'true',
      DUNLIN_ATTACHMENTS__S3__ACCESS_KEY_ID: this.accessKeyId,
      DUNLIN_ATTACHMENTS__S3__SECRET_ACCESS_KEY_FILE: key,
      DUNLIN_METRICS__LISTEN: this.metrics,
    });
  }

  /** A counter of that server. */
  async counted(name) {
    const text = await (await fetch(`http://${this.metrics}/metrics`)).text();
    return Number(new RegExp(`^dunlin_${name}_total (\\d+)$`, 'm').exec(text)[1]);
  }

  /** It ends when nobody writes to it any more. */
  async end() {
    this.front?.close();
    this.front?.closeAllConnections();
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    await ended;
  }
}
