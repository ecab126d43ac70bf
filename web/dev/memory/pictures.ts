/** Pictures, a video and voices that are made when they are asked for, so that the bench needs no files. */
import type { Attachment } from '../../src/core/api';

const SKIES = [
  ['#f6b26b', '#e06c4f', '#5b3a5e', '#22304a'],
  ['#bfe3ee', '#7fb6cf', '#3e7f8f', '#1d4a55'],
  ['#fde7c3', '#f2b880', '#8e7f7a', '#3f4a4f'],
  ['#d8cdf0', '#8f86c4', '#474a80', '#1c2242'],
  ['#e8f1e4', '#a9cfae', '#5c8f7a', '#27483f'],
];

/** An evening, a morning, a rainy day over the flats: sky, hills, water, and birds. */
export function paint(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  seed: number,
  shift = 0,
): void {
  const { width, height } = context.canvas;
  const sky = SKIES[seed % SKIES.length] ?? [];
  const [light = '#fff', middle = '#ccc', far = '#555', near = '#222'] = sky;
  const ground = context.createLinearGradient(0, 0, 0, height * 0.62);
  ground.addColorStop(0, middle);
  ground.addColorStop(1, light);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#fff8e6';
  context.globalAlpha = 0.9;
  circle(context, width * (0.2 + ((seed * 37) % 60) / 100), height * (0.3 + ((seed * 13) % 20) / 100), height * 0.06);
  context.globalAlpha = 1;
  hill(context, seed, 0.5, 0.05, far);
  const water = context.createLinearGradient(0, height * 0.6, 0, height);
  water.addColorStop(0, light);
  water.addColorStop(1, far);
  context.fillStyle = water;
  context.fillRect(0, height * 0.6, width, height * 0.4);
  context.strokeStyle = '#ffffff55';
  context.lineWidth = Math.max(1, height / 300);
  for (let line = 0; line < 14; line += 1) {
    const y = height * (0.63 + line * 0.026);
    const x = width * (((seed * 31 + line * 47) % 70) / 100) + shift * width * 0.2;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + width * (0.06 + line * 0.012), y);
    context.stroke();
  }
  hill(context, seed + 3, 0.9, 0.04, near);
  context.fillStyle = near;
  for (let bird = 0; bird < 26; bird += 1) flying(context, seed, bird, shift);
}

function circle(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  x: number,
  y: number,
  radius: number,
) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function hill(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  seed: number,
  base: number,
  rise: number,
  colour: string,
) {
  const { width, height } = context.canvas;
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(0, height);
  for (let step = 0; step <= 40; step += 1) {
    const x = step / 40;
    const y = base + rise * Math.sin(x * 5 + seed) + rise * 0.5 * Math.sin(x * 13 + seed * 2);
    context.lineTo(x * width, y * height);
  }
  context.lineTo(width, height);
  context.fill();
}

function flying(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  seed: number,
  bird: number,
  shift: number,
) {
  const { width, height } = context.canvas;
  const x = width * ((0.3 + ((bird * 71 + seed * 17) % 55) / 100 + shift * 0.3) % 1);
  const y = height * (0.14 + ((bird * 29 + seed * 7) % 26) / 100);
  const wing = (height / 45) * (0.6 + ((bird * 13) % 10) / 14);
  context.beginPath();
  context.moveTo(x - wing, y - wing * 0.3);
  context.quadraticCurveTo(x - wing * 0.3, y - wing * 0.4, x, y);
  context.quadraticCurveTo(x + wing * 0.4, y - wing * 0.5, x + wing, y - wing * 0.2);
  context.quadraticCurveTo(x + wing * 0.3, y - wing * 0.1, x, y + wing * 0.22);
  context.quadraticCurveTo(x - wing * 0.3, y - wing * 0.05, x - wing, y - wing * 0.3);
  context.fill();
}

export async function picture(seed: number, width: number, height: number): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context) paint(context, seed);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 });
}

export function thumbnail(seed: number, width: number, height: number, side: number): Uint8Array {
  const canvas = document.createElement('canvas');
  const scale = side / Math.max(width, height);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext('2d');
  if (context) paint(context, seed);
  const [, code = ''] = canvas.toDataURL('image/webp', 0.6).split(',');
  return Uint8Array.from(atob(code), (letter) => letter.charCodeAt(0));
}

/** A second and a half of birds that fly, recorded from a canvas. */
export async function video(seed: number, width: number, height: number): Promise<Blob> {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  paint(context, seed);
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm;codecs=vp8' });
  const chunks: Blob[] = [];
  recorder.ondataavailable = ({ data }) => void chunks.push(data);
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start();
  for (let frame = 0; frame < 36; frame += 1) {
    paint(context, seed, frame / 36);
    await new Promise((done) => setTimeout(done, 40));
  }
  recorder.stop();
  await stopped;
  return new Blob(chunks, { type: 'video/webm' });
}

/** How loud each of the 64 parts of a made-up voice is. */
export function loudness(seed: number): number[] {
  return Array.from({ length: 64 }, (_, index) => {
    const word = Math.max(0, Math.sin(index * 0.55 + seed)) * 0.75 + 0.25 * Math.abs(Math.sin(index * 2.1 + seed * 3));
    return Math.round(255 * Math.min(1, word * (0.7 + 0.3 * Math.sin(index * 0.13 + seed))));
  }).map((level) => Math.max(6, level));
}

/** Hums as loud as the waveform says: a WAV, which browsers play whatever type they are told. */
export function hum(seed: number, durationMs: number): Blob {
  const rate = 8000;
  const count = Math.round((rate * durationMs) / 1000);
  const levels = loudness(seed);
  const view = new DataView(new ArrayBuffer(44 + count * 2));
  const text = (at: number, letters: string) =>
    [...letters].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + count * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, count * 2, true);
  for (let index = 0; index < count; index += 1) {
    const level = (levels[Math.floor((index * 64) / count)] ?? 0) / 255;
    view.setInt16(44 + index * 2, Math.sin(index * 0.16 + Math.sin(index * 0.002) * 4) * level * 9000, true);
  }
  return new Blob([view], { type: 'audio/ogg' });
}

/** Attachments of sample messages, and how their bytes are made. */
export class Album {
  readonly makers = new Map<string, () => Promise<Blob>>();
  #last = 0;

  #add(file: Omit<Attachment, 'id'>, make: () => Promise<Blob>): Attachment {
    const id = `file${(this.#last += 1)}`.padEnd(26, '0');
    this.makers.set(id, make);
    return { id, ...file };
  }

  picture(seed: number, width: number, height: number): Attachment {
    const name = `IMG_20${40 + seed}.jpg`;
    const shown = { width, height, thumbnail: thumbnail(seed, width, height, 40) };
    return this.#add({ kind: 'image', name, mediaType: 'image/jpeg', bytes: 180_000 + seed * 9000, ...shown }, () =>
      picture(seed, width, height),
    );
  }

  video(seed: number, width: number, height: number): Attachment {
    const shown = { width, height, durationMs: 1500, thumbnail: thumbnail(seed, width, height, 240) };
    const file = { kind: 'video' as const, name: 'turning flock.webm', mediaType: 'video/webm', bytes: 8_400_000 };
    return this.#add({ ...file, ...shown }, () => video(seed, width, height));
  }

  voice(seed: number, durationMs: number): Attachment {
    const heard = { durationMs, waveform: loudness(seed) };
    const file = {
      kind: 'voice' as const,
      name: 'voice-message.ogg',
      mediaType: 'audio/ogg; codecs=opus',
      bytes: durationMs * 3,
    };
    return this.#add({ ...file, ...heard }, async () => hum(seed, durationMs));
  }

  file(name: string, mediaType: string, bytes: number, content: string, more: Partial<Attachment> = {}): Attachment {
    const make = async () => new Blob([content], { type: 'application/octet-stream' });
    return this.#add({ kind: 'file', name, mediaType, bytes, ...more }, make);
  }

  sound(name: string, mediaType: string, durationMs: number): Attachment {
    return this.#add({ kind: 'file', name, mediaType, bytes: durationMs * 16, durationMs }, async () =>
      hum(2, durationMs),
    );
  }
}
