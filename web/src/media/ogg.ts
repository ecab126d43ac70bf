/** Writes Opus packets into Ogg (RFC 3533, RFC 7845), the one form of voice notes that every client reads. */
import type { OpusStream } from './webm';

/** Samples a second that Opus counts in, whatever was recorded. */
const RATE_HZ = 48_000;
const SEGMENTS_MAX = 255;
/** A page a second keeps what has to be read for a jump small. */
const PAGE_SAMPLES = RATE_HZ;
const FIRST = 2;
const LAST = 4;

export function writeOgg(
  { head, packets }: OpusStream,
  serial: number,
): { bytes: Uint8Array<ArrayBuffer>; durationMs: number } {
  const pages: Uint8Array[] = [];
  const page = (flags: number, samples: number, inside: Uint8Array[]) =>
    pages.push(pageOf(flags, samples, serial, pages.length, inside));
  page(FIRST, 0, [head]);
  page(0, 0, [tags()]);
  let samples = 0;
  let inside: Uint8Array[] = [];
  let since = 0;
  packets.forEach((packet, index) => {
    const length = samplesOf(packet);
    inside.push(packet);
    samples += length;
    since += length;
    const isLast = index === packets.length - 1;
    const next = packets[index + 1];
    const isFull = next !== undefined && segments(inside) + segments([next]) > SEGMENTS_MAX;
    if (!isLast && !isFull && since < PAGE_SAMPLES) return;
    page(isLast ? LAST : 0, samples, inside);
    inside = [];
    since = 0;
  });
  const skipped = (head[10] ?? 0) + (head[11] ?? 0) * 256;
  return { bytes: joined(pages), durationMs: Math.max(0, Math.round(((samples - skipped) * 1000) / RATE_HZ)) };
}

/** How many samples a packet holds, by its first byte (RFC 6716 section 3.1). */
export function samplesOf(packet: Uint8Array): number {
  const first = packet[0] ?? 0;
  const config = first >> 3;
  const count = [1, 2, 2, (packet[1] ?? 0) & 0x3f][first & 3] ?? 1;
  const silk = [10, 20, 40, 60];
  const celt = [2.5, 5, 10, 20];
  const ms = (config < 12 ? silk[config & 3] : config < 16 ? [10, 20][config & 1] : celt[config & 3]) ?? 20;
  return (count * ms * RATE_HZ) / 1000;
}

function segments(packets: Uint8Array[]): number {
  return packets.reduce((sum, packet) => sum + Math.floor(packet.length / 255) + 1, 0);
}

function tags(): Uint8Array {
  const vendor = new TextEncoder().encode('dunlin');
  const bytes = new Uint8Array(8 + 4 + vendor.length + 4);
  bytes.set(new TextEncoder().encode('OpusTags'));
  new DataView(bytes.buffer).setUint32(8, vendor.length, true);
  bytes.set(vendor, 12);
  return bytes;
}

function pageOf(flags: number, samples: number, serial: number, number: number, packets: Uint8Array[]): Uint8Array {
  const table: number[] = [];
  for (const packet of packets) {
    for (let left = packet.length; left >= 255; left -= 255) table.push(255);
    table.push(packet.length % 255);
  }
  const header = new Uint8Array(27 + table.length);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode('OggS'));
  header[5] = flags;
  view.setBigUint64(6, BigInt(samples), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, number, true);
  header[26] = table.length;
  header.set(table, 27);
  const bytes = joined([header, ...packets]);
  new DataView(bytes.buffer).setUint32(22, checksum(bytes), true);
  return bytes;
}

function joined(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit += 1) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** CRC-32 as Ogg counts it (RFC 3533 section 6): from zero, high bits first, nothing turned around. */
export function checksum(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) value = ((value << 8) ^ (TABLE[((value >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return value;
}
