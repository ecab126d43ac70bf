/** Records a voice note: the microphone, how loud it is, and in the end Opus in Ogg with its waveform. */
import { writeOgg } from './ogg';
import { waveform } from './waveform';
import { readWebm } from './webm';

/** Longer talks are sent as files. */
export const RECORDING_MS_MAX = 15 * 60_000;
/** Less is a slip of the finger. */
export const RECORDING_MS_MIN = 600;
const BITS_PER_SECOND = 24_000;
const CHUNK_MS = 1000;
export const VOICE_TYPE = 'audio/ogg; codecs=opus';
const WEBM = 'audio/webm;codecs=opus';
const OGG = 'audio/ogg;codecs=opus';

export interface VoiceNote {
  file: Blob;
  durationMs: number;
  waveform: number[];
}

export class Recording {
  readonly began = performance.now();
  readonly #stream: MediaStream;
  readonly #recorder: MediaRecorder;
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  readonly #chunks: Blob[] = [];
  /** After the last of the chunks. */
  readonly #stopped: Promise<unknown>;

  private constructor(stream: MediaStream, mimeType: string) {
    this.#stream = stream;
    this.#recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: BITS_PER_SECOND });
    this.#recorder.ondataavailable = ({ data }) => void this.#chunks.push(data);
    this.#stopped = new Promise((done) => this.#recorder.addEventListener('stop', done, { once: true }));
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    this.#recorder.start(CHUNK_MS);
  }

  /** Asks for the microphone; called on a click and never else. Rejects as `getUserMedia` does. */
  static async begin(): Promise<Recording> {
    const mimeType = [OGG, WEBM].find((type) => MediaRecorder.isTypeSupported(type));
    if (!mimeType) throw new DOMException('no Opus', 'NotSupportedError');
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return new Recording(await navigator.mediaDevices.getUserMedia({ audio }), mimeType);
  }

  /** It has ended by itself, as when the microphone is unplugged; what was said until then is there. */
  get isOver(): boolean {
    return this.#recorder.state === 'inactive';
  }

  /** Loudness now, from 0 to 1, as ears tell it: by the logarithm. */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, sample) => sum + sample * sample, 0) / this.#samples.length;
    return Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-9) / 5));
  }

  /** No more is taken; what was said stays. */
  hold(): void {
    if (this.#recorder.state === 'recording') this.#recorder.pause();
    for (const track of this.#stream.getTracks()) track.enabled = false;
  }

  /** Ends it and gives the note. */
  async finish(): Promise<VoiceNote> {
    try {
      if (!this.isOver) this.#recorder.stop();
      await this.#stopped;
    } finally {
      this.#release();
    }
    const recorded = new Blob(this.#chunks);
    const isOgg = this.#recorder.mimeType.startsWith('audio/ogg');
    const bytes = new Uint8Array(await recorded.arrayBuffer());
    const serial = crypto.getRandomValues(new Uint32Array(1))[0] ?? 1;
    const ogg = isOgg ? bytes : writeOgg(readWebm(bytes), serial).bytes;
    // Decoding a copy: it is taken away from whoever gave it.
    const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(ogg.slice().buffer);
    return {
      file: new Blob([ogg], { type: VOICE_TYPE }),
      durationMs: Math.max(1, Math.round(sound.duration * 1000)),
      waveform: waveform(sound.getChannelData(0)),
    };
  }

  /** Ends it and forgets what was said. */
  cancel(): void {
    if (this.#recorder.state !== 'inactive') this.#recorder.stop();
    this.#chunks.length = 0;
    this.#release();
  }

  #release(): void {
    for (const track of this.#stream.getTracks()) track.stop();
    void this.#context.close().catch(() => undefined);
  }
}
