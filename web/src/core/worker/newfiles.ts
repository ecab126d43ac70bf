/** What the app gives to be sent, checked before anything is done with it. */
import {
  FILE_BYTES_MAX,
  FILES_MAX,
  THUMBNAILS_BYTES_MAX,
  THUMBNAIL_BYTES_MAX,
  WAVEFORM_VALUES_MAX,
  type Attachment,
  type Failure,
  type NewFile,
} from '../api';
import type { FileWish, Hashes } from './core';
import { hex } from './hex';
import { toldType } from './mediatypes';

const NAME_BYTES_MAX = 255;
/** What a first page of Ogg with Opus begins with (RFC 3533, section 6, and RFC 7845, section 5.1). */
const OGG = 'OggS';
const OPUS_HEAD = 'OpusHead';
const OPUS_HEAD_AT = 28;
/** As in `crates/client/src/file.rs`. */
const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;

/** A file on its way, as it is kept. */
export interface Going {
  kind: Attachment['kind'];
  name: string;
  mediaType: string;
  bytes: number;
  width?: number;
  height?: number;
  durationMs?: number;
  waveform?: number[];
  /** In base64. */
  thumbnail?: string;
  /** In hexadecimal digits; drawn for it alone. */
  key: string;
  /** Once all its pieces are stored. */
  hashes?: Hashes;
  /** The attachment, once its upload was begun. */
  attachment?: string;
  /** When that was. */
  begun?: number;
}

export async function checked(files: NewFile[]): Promise<Going[]> {
  if (files.length === 0) throw invalid('There is no file.');
  if (files.length > FILES_MAX) throw { code: 'limitReached', message: `A message can have ${FILES_MAX} files.` };
  let room = THUMBNAILS_BYTES_MAX;
  const going: Going[] = [];
  for (const given of files) {
    const { thumbnail } = given;
    const fits = thumbnail !== undefined && thumbnail.length <= Math.min(room, THUMBNAIL_BYTES_MAX);
    if (fits) room -= thumbnail.length;
    going.push({ ...(await one(given)), ...(fits ? { thumbnail: base64(thumbnail) } : {}) });
  }
  return going;
}

async function one({ file, kind, name, width, height, durationMs, waveform }: NewFile): Promise<Going> {
  if (file.size > FILE_BYTES_MAX) throw { code: 'tooLarge', message: 'The file is too large.' } satisfies Failure;
  const mediaType = toldType(file.type);
  if ((kind === 'image' || kind === 'video') && !mediaType.startsWith(`${kind}/`)) {
    throw invalid(`${mediaType} is no ${kind}.`);
  }
  if (kind === 'voice') await checkVoice(file, durationMs);
  const dimensions = width && height ? { width: Math.round(width), height: Math.round(height) } : {};
  return {
    kind,
    name: safeName(name),
    mediaType,
    bytes: file.size,
    key: hex(crypto.getRandomValues(new Uint8Array(32))),
    ...dimensions,
    ...(durationMs ? { durationMs: Math.max(1, Math.round(durationMs)) } : {}),
    ...(kind === 'voice' && waveform ? { waveform: loudness(waveform) } : {}),
  };
}

async function checkVoice(file: Blob, durationMs: number | undefined): Promise<void> {
  const page = await file.slice(0, OPUS_HEAD_AT + OPUS_HEAD.length).text();
  // Both words are ASCII, and what is no UTF-8 between them may change its length; so each is looked for from its end.
  if (!page.startsWith(OGG) || !page.endsWith(OPUS_HEAD)) throw invalid('A voice note is Opus in Ogg.');
  if (!durationMs || durationMs < 1) throw invalid('A voice note has a duration.');
}

function loudness(waveform: number[]): number[] {
  return waveform.slice(0, WAVEFORM_VALUES_MAX).map((value) => Math.min(255, Math.max(0, Math.round(value) || 0)));
}

/** A name that names a file and no folder, not longer than others take. */
export function safeName(name: string): string {
  let safe = name.replace(/[\u0000-\u001f\u007f-\u009f/\\]/g, '_').toWellFormed();
  const encoder = new TextEncoder();
  const dot = safe.lastIndexOf('.');
  const extension = dot > 0 && safe.length - dot <= 16 ? safe.slice(dot) : '';
  let stem = safe.slice(0, safe.length - extension.length);
  while (encoder.encode(stem + extension).length > NAME_BYTES_MAX) stem = [...stem].slice(0, -1).join('');
  safe = stem + extension;
  return safe === '.' || safe === '..' ? '_' : safe;
}

/** Of the file as it travels. */
export function sealedBytes({ bytes }: { bytes: number }): number {
  return bytes + Math.max(1, Math.ceil(bytes / CHUNK_BYTES)) * TAG_BYTES;
}

/** As the core is told of it. */
export function wishOf(file: Going): FileWish {
  const { kind, name, mediaType, bytes, width, height, durationMs, waveform, key, hashes, attachment } = file;
  return {
    name,
    mediaType,
    bytes,
    isVoice: kind === 'voice',
    key,
    ...(attachment ? { id: attachment } : {}),
    ...(hashes ? { digest: hashes.whole } : {}),
    ...(width && height ? { width, height } : {}),
    ...(durationMs ? { durationMs } : {}),
    ...(waveform ? { waveform } : {}),
    ...(file.thumbnail ? { thumbnail: fromBase64(file.thumbnail) } : {}),
  };
}

/** As the app is told of it. */
export function shown(file: Going, id: string): Attachment {
  const { kind, name, mediaType, bytes, width, height, durationMs, waveform, thumbnail } = file;
  return {
    id,
    kind,
    name,
    mediaType,
    bytes,
    ...(width && height ? { width, height } : {}),
    ...(durationMs ? { durationMs } : {}),
    ...(waveform ? { waveform } : {}),
    ...(thumbnail ? { thumbnail: fromBase64(thumbnail) } : {}),
  };
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function invalid(message: string): Failure {
  return { code: 'invalidArgument', message };
}
