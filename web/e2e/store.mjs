/** An object store that speaks S3, with the rule for browsers that operators are told to set. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
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
  /** A store for the app at this address. */
  static async start(origin) {
    const store = new Store();
    store.process = spawn(PROGRAM, [documentedRule(origin)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(store.process, 'spawn');
    for await (const line of createInterface({ input: store.process.stdout })) {
      Object.assign(store, JSON.parse(line));
      return store;
    }
    throw new Error('the store does not start');
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
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.process.stdin.end();
    await ended;
  }
}
