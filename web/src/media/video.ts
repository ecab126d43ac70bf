/** Length, size and a first picture of videos and sound, asked of the browser's own player. */
import { thumbnailOf } from './picture';

/** A poster is looked at until the video plays, so it has more pixels than the preview of a picture. */
const POSTER_SIDE = 240;
const POSTER_AT_S = 0.4;
const PATIENCE_MS = 10_000;

export interface ReadVideo {
  width: number;
  height: number;
  durationMs: number;
  thumbnail?: Uint8Array;
}

export async function readVideo(file: Blob, thumbnailBytes: number): Promise<ReadVideo> {
  return withPlayer('video', file, async (video) => {
    const durationMs = await durationOf(video);
    const { videoWidth: width, videoHeight: height } = video;
    if (width === 0 || height === 0) throw new Error('it has no picture');
    const seeked = until(video, 'seeked');
    video.currentTime = Math.min(POSTER_AT_S, durationMs / 2000);
    const isThere = await seeked.then(
      () => true,
      () => false,
    );
    const thumbnail = isThere ? await thumbnailOf(video, width, height, POSTER_SIDE, thumbnailBytes) : undefined;
    return { width, height, durationMs, ...(thumbnail ? { thumbnail } : {}) };
  });
}

export async function readSound(file: Blob): Promise<{ durationMs: number }> {
  return withPlayer('audio', file, async (audio) => ({ durationMs: await durationOf(audio) }));
}

async function withPlayer<Kind extends 'audio' | 'video', Result>(
  kind: Kind,
  file: Blob,
  act: (player: HTMLElementTagNameMap[Kind]) => Promise<Result>,
): Promise<Result> {
  const url = URL.createObjectURL(file);
  const player = document.createElement(kind);
  player.muted = true;
  player.preload = 'auto';
  try {
    const ready = until(player, 'loadeddata');
    player.src = url;
    await ready;
    return await act(player);
  } finally {
    player.removeAttribute('src');
    player.load();
    URL.revokeObjectURL(url);
  }
}

/** Recordings of browsers do not say how long they are; whoever goes to their end finds out. */
async function durationOf(player: HTMLMediaElement): Promise<number> {
  if (!Number.isFinite(player.duration)) {
    const seeked = until(player, 'seeked');
    player.currentTime = 1e9;
    await seeked;
  }
  const seconds = Number.isFinite(player.duration) ? player.duration : player.currentTime;
  return Math.round(seconds * 1000);
}

function until(player: HTMLMediaElement, event: string): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`no ${event}`)), PATIENCE_MS);
    const stop = () => clearTimeout(timer);
    player.addEventListener(event, () => (stop(), done()), { once: true });
    player.addEventListener('error', () => (stop(), fail(new Error('it cannot be played'))), { once: true });
  });
}
