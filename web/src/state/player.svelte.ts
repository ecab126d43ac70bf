import type { Failure } from '../core/api';

const RATES = [1, 1.5, 2] as const;

/** The one voice that is heard: starting another one stops it. What was begun goes on when one looks at another chat. */
export class Player {
  #audio: HTMLAudioElement | undefined;
  #url = '';
  #turn = 0;

  /** Which file; empty: none. */
  id = $state.raw('');
  playing = $state.raw(false);
  loading = $state.raw(false);
  positionMs = $state.raw(0);
  /** As the browser found out; zero: not known. */
  durationMs = $state.raw(0);
  rate = $state.raw<number>(1);
  failure = $state.raw<Failure | undefined>();

  /** Plays, pauses, or goes on. `load` gives the file and is called when it is not at hand. */
  async toggle(id: string, load: () => Promise<Blob>, fromMs = 0): Promise<void> {
    if (this.id === id && this.#audio && !this.failure) {
      if (this.playing) this.#audio.pause();
      else await this.#play(this.#audio);
      return;
    }
    this.stop();
    const turn = this.#turn;
    this.id = id;
    this.loading = true;
    this.positionMs = fromMs;
    try {
      const blob = await load();
      if (turn !== this.#turn) return;
      this.#url = URL.createObjectURL(blob);
      const audio = (this.#audio = this.#made(this.#url));
      if (fromMs > 0) audio.currentTime = fromMs / 1000;
      await this.#play(audio);
    } catch (failure) {
      if (turn !== this.#turn) return;
      // Whoever stopped it knows.
      if ((failure as Failure).code === 'cancelled') this.stop();
      else this.failure = failure as Failure;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }

  /** Where to be heard; of the file that is playing. */
  seek(ms: number): void {
    this.positionMs = ms;
    if (this.#audio) this.#audio.currentTime = ms / 1000;
  }

  nextRate(): void {
    this.rate = RATES[(RATES.indexOf(this.rate as (typeof RATES)[number]) + 1) % RATES.length] ?? 1;
    if (this.#audio) this.#audio.playbackRate = this.rate;
  }

  pause(): void {
    this.#audio?.pause();
  }

  stop(): void {
    this.#turn += 1;
    this.#audio?.pause();
    this.#audio?.removeAttribute('src');
    this.#audio = undefined;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = '';
    this.id = '';
    this.playing = this.loading = false;
    this.positionMs = this.durationMs = 0;
    this.failure = undefined;
  }

  async #play(audio: HTMLAudioElement): Promise<void> {
    audio.playbackRate = this.rate;
    await audio.play().catch((error: unknown) => {
      // Pausing at once is no failure.
      if (!(error instanceof DOMException && error.name === 'AbortError'))
        this.failure = { code: 'unshown', message: String(error) };
    });
  }

  #made(url: string): HTMLAudioElement {
    const audio = new Audio(url);
    audio.preservesPitch = true;
    const follow = () => {
      if (audio !== this.#audio) return;
      this.playing = !audio.paused && !audio.ended;
      this.positionMs = audio.currentTime * 1000;
      if (Number.isFinite(audio.duration)) this.durationMs = audio.duration * 1000;
    };
    for (const event of ['play', 'playing', 'pause', 'timeupdate', 'durationchange', 'seeked'])
      audio.addEventListener(event, follow);
    audio.addEventListener('ended', () => {
      follow();
      if (audio !== this.#audio) return;
      audio.currentTime = 0;
      this.positionMs = 0;
    });
    return audio;
  }
}
