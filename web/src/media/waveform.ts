import { WAVEFORM_VALUES_MAX } from '../core/api';

/** The bars of a voice note: the loudest sample of each of equally long parts, 0 is silence and 255 full scale. */
export function waveform(samples: Float32Array, bars = WAVEFORM_VALUES_MAX): number[] {
  const loudest = Array.from({ length: Math.min(bars, samples.length) }, () => 0);
  // Some ten thousand looks are enough to find how loud a part is, however long the recording.
  const step = Math.max(1, Math.floor(samples.length / 20_000 / 4));
  for (let at = 0; at < samples.length; at += step) {
    const bar = Math.floor((at * loudest.length) / samples.length);
    const level = Math.min(1, Math.abs(samples[at] ?? 0));
    if (level > (loudest[bar] ?? 0)) loudest[bar] = level;
  }
  return loudest.map((level) => Math.round(level * 255));
}

/**
 * Bars to draw, between 0 and 1, of whatever came: as many as fit, the loudest of them full, so that somebody who spoke
 * softly sees a shape too. Without any, all are low.
 */
export function bars(given: readonly number[] | undefined, count: number): number[] {
  const known = (given ?? [])
    .slice(0, 256)
    .map((level) => (Number.isFinite(level) ? Math.max(0, Math.min(255, level)) : 0));
  const most = Math.max(24, ...known);
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * known.length) / count);
    const to = Math.max(from + 1, Math.floor(((index + 1) * known.length) / count));
    return Math.max(0, ...known.slice(from, to)) / most;
  });
}
