/** One WebSocket to the server. Browsers answer its pings without a word, so a silent link is asked for a sign of life. */
const SUB_PROTOCOL = 'dunlin.v1.proto';
/** How long the server may take from the first byte to `welcome`. */
const WELCOME_TIME_MAX_MS = 20_000;
/** How long it may take to answer when it was silent. */
const ANSWER_TIME_MAX_MS = 10_000;

type Frame = Uint8Array<ArrayBuffer>;

export interface LinkListener {
  heard(frame: Frame): void;
  /** The last thing that is said of a link. */
  closed(): void;
}

export class Link {
  private readonly socket: WebSocket;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heartbeatMs = 0;
  private isOver = false;
  /** The server took the connection, and the core knows. */
  isReady = false;

  constructor(
    first: Frame,
    private readonly probe: () => Frame,
    private readonly listener: LinkListener,
  ) {
    const address = new URL('/v1/ws', location.origin);
    address.protocol = address.protocol.replace('http', 'ws');
    this.socket = new WebSocket(address, [SUB_PROTOCOL]);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => this.socket.send(first);
    this.socket.onmessage = ({ data }) => {
      if (this.isOver) return;
      if (this.heartbeatMs > 0) this.watch();
      listener.heard(new Uint8Array(data as ArrayBuffer));
    };
    this.socket.onclose = () => this.close();
    this.timer = setTimeout(() => this.close(), WELCOME_TIME_MAX_MS);
  }

  /** The server took it. */
  welcomed(heartbeatMs: number): void {
    this.heartbeatMs = Math.max(heartbeatMs, 1_000);
    this.watch();
  }

  send(frame: Frame): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(frame);
  }

  /** Asks for a sign of life now: the network changed, or the machine slept. */
  check(): void {
    if (this.isOver || this.heartbeatMs === 0) return;
    this.send(this.probe());
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(), ANSWER_TIME_MAX_MS);
  }

  /** Does not wait for the other end, which may not be there. */
  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket.close();
    this.listener.closed();
  }

  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), this.heartbeatMs);
  }
}
