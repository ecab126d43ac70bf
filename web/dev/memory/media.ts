/** Files that go up and come down, as the real core tells of it, but from memory and at a pace that the bench sets. */
import type { Attachment, ChatId, CoreEvent, Failure, NewFile, Place, Transfer } from '../../src/core/api';
import type { World } from './world';

const STEPS = 8;

type Tell = (event: CoreEvent) => void;
type Deliver = (transfer: Transfer, files: Attachment[]) => void;
export type Words = Partial<Pick<Transfer, 'mentions' | 'replyTo'>>;

interface Sending {
  transfer: Transfer;
  files: NewFile[];
  step: number;
}

export class Media {
  /** Between two steps of the eight that a file takes. */
  paceMs = 40;
  /** What the next uploads end with, instead of getting there. */
  failUploads: Failure | undefined;
  /** What `sendFiles` ends with before a file is kept. */
  failKeeping: Failure | undefined;
  /** What opening one file, or any ('*'), ends with. */
  readonly failDownloads = new Map<string, Failure>();
  readonly #world: World;
  readonly #tell: Tell;
  readonly #deliver: Deliver;
  readonly #sending: Sending[] = [];
  readonly #here = new Set<string>();
  readonly #cancelled = new Set<string>();
  #last = 0;

  constructor(world: World, tell: Tell, deliver: Deliver) {
    this.#world = world;
    this.#tell = tell;
    this.#deliver = deliver;
  }

  async send(
    chat: ChatId,
    files: NewFile[],
    words: Pick<Transfer, 'caption' | 'mentions' | 'replyTo'>,
  ): Promise<string> {
    const id = `transfer${(this.#last += 1)}`;
    const shown = files.map((file, index) => attachment(`${id}-${index}`, file));
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    const transfer: Transfer = {
      id,
      chat,
      began: Date.now(),
      ...words,
      files: shown,
      sent: 0,
      total,
      state: 'running',
    };
    const sending = { transfer, files, step: 0 };
    this.#sending.push(sending);
    this.#changed(sending);
    await new Promise((done) => setTimeout(done, this.paceMs));
    if (this.failKeeping) {
      this.#sending.splice(this.#sending.indexOf(sending), 1);
      this.#changed(sending, 'cancelled');
      throw this.failKeeping;
    }
    this.#go(sending);
    return id;
  }

  async transfers(chat?: ChatId): Promise<Transfer[]> {
    const all = this.#sending.map(({ transfer }) => transfer);
    return structuredClone(chat === undefined ? all : all.filter((transfer) => transfer.chat === chat));
  }

  async cancel(id: string): Promise<void> {
    this.#cancelled.add(id);
    const index = this.#sending.findIndex(({ transfer }) => transfer.id === id);
    const [sending] = index < 0 ? [] : this.#sending.splice(index, 1);
    if (sending) this.#changed(sending, 'cancelled');
  }

  async retry(id: string): Promise<void> {
    const sending = this.#sending.find(({ transfer }) => transfer.id === id);
    if (!sending || sending.transfer.state === 'running') return;
    delete sending.transfer.failure;
    sending.transfer.state = 'running';
    this.#changed(sending);
    this.#go(sending);
  }

  /** The connection is there again, or gone. */
  connected(isOnline: boolean): void {
    for (const sending of this.#sending) {
      if (isOnline && sending.transfer.state === 'paused') void this.retry(sending.transfer.id);
    }
  }

  async open(chat: ChatId, _place: Place, id: string, bytes: number): Promise<Blob> {
    const make = this.#world.files.get(id);
    if (!make) throw failure('noSuchFile');
    if (this.#here.has(id)) return make();
    this.#cancelled.delete(id);
    const tell = (state: 'running' | 'done' | 'failed' | 'cancelled', sent: number) =>
      this.#tell({ type: 'transfer', id, chat, way: 'down', sent, total: bytes, state });
    for (let step = 0; step < STEPS; step += 1) {
      tell('running', Math.round((bytes * step) / STEPS));
      await new Promise((done) => setTimeout(done, this.paceMs));
      const failed = this.#world.connection.state === 'online' ? this.#failed(id, step) : failure('offline');
      if (!failed) continue;
      tell(failed.code === 'cancelled' ? 'cancelled' : 'failed', 0);
      throw failed;
    }
    tell('done', bytes);
    this.#here.add(id);
    return make();
  }

  #failed(id: string, step: number): Failure | undefined {
    if (this.#cancelled.delete(id)) return failure('cancelled');
    return step < STEPS / 2 ? undefined : (this.failDownloads.get(id) ?? this.failDownloads.get('*'));
  }

  #go(sending: Sending): void {
    const { transfer } = sending;
    const goOn = () => {
      if (!this.#sending.includes(sending) || transfer.state !== 'running') return;
      if (this.#world.connection.state !== 'online') {
        transfer.state = 'paused';
        transfer.failure = failure('offline');
        return this.#changed(sending);
      }
      if (this.failUploads && sending.step >= STEPS / 2) {
        transfer.state = 'failed';
        transfer.failure = this.failUploads;
        return this.#changed(sending);
      }
      sending.step += 1;
      transfer.sent = Math.round((transfer.total * sending.step) / STEPS);
      if (sending.step < STEPS) {
        this.#changed(sending);
        return void setTimeout(goOn, this.paceMs);
      }
      this.#done(sending);
    };
    setTimeout(goOn, this.paceMs);
  }

  #done(sending: Sending): void {
    const { transfer, files } = sending;
    this.#sending.splice(this.#sending.indexOf(sending), 1);
    const sent = files.map((file, index) => {
      const id = `sent${this.#last}x${transfer.id}x${index}`;
      this.#world.files.set(id, async () => file.file);
      this.#here.add(id);
      return attachment(id, file);
    });
    this.#changed(sending, 'done');
    this.#deliver(transfer, sent);
  }

  #changed({ transfer }: Sending, over?: 'done' | 'cancelled'): void {
    const { id, chat, sent, total, state, failure } = transfer;
    this.#tell({
      type: 'transfer',
      id,
      chat,
      way: 'up',
      sent,
      total,
      state: over ?? state,
      ...(failure ? { failure } : {}),
    });
  }
}

function attachment(id: string, { file, ...rest }: NewFile): Attachment {
  return { id, mediaType: file.type || 'application/octet-stream', bytes: file.size, ...rest };
}

function failure(code: string): Failure {
  return { code, message: `of the bench: ${code}` };
}
