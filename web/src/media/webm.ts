/** Reads the Opus packets out of a recording in WebM (a subset of Matroska, RFC 9559), which Chromium makes. */

export interface OpusStream {
  /** The `OpusHead` (RFC 7845 section 5.1). */
  head: Uint8Array;
  packets: Uint8Array[];
}

/** Elements that hold others. In a live recording their length is not known, so one simply goes into them. */
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const CLUSTER = 0x1f43b675;
const BLOCK_GROUP = 0xa0;
const HOLDERS = new Set([SEGMENT, TRACKS, TRACK_ENTRY, CLUSTER, BLOCK_GROUP]);
const CODEC_PRIVATE = 0x63a2;
const SIMPLE_BLOCK = 0xa3;
const BLOCK = 0xa1;
const LACING = 0x06;

export function readWebm(bytes: Uint8Array): OpusStream {
  let head: Uint8Array | undefined;
  const packets: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length) {
    const id = number(bytes, at, true);
    const size = number(bytes, at + id.length, false);
    const start = at + id.length + size.length;
    if (HOLDERS.has(id.value)) {
      at = start;
      continue;
    }
    const end = start + size.value;
    // The recorder was stopped within an element: what came before it is whole.
    if (end > bytes.length) break;
    if (id.value === CODEC_PRIVATE) head ??= bytes.subarray(start, end);
    if (id.value === SIMPLE_BLOCK || id.value === BLOCK) packets.push(packet(bytes.subarray(start, end)));
    at = end;
  }
  if (!head || packets.length === 0) throw new Error('the recording has no Opus track');
  return { head, packets };
}

/** A block: the track's number, a time of two bytes, flags of one, then what was recorded. */
function packet(block: Uint8Array): Uint8Array {
  const at = number(block, 0, false).length + 2;
  if (((block[at] ?? 0) & LACING) !== 0) throw new Error('the recording is laced');
  return block.subarray(at + 1);
}

/** A number of one to eight bytes; the zeros before its first bit say how many (RFC 8794 section 4). */
function number(bytes: Uint8Array, at: number, withMarker: boolean): { value: number; length: number } {
  const first = bytes[at] ?? 0;
  const length = Math.clz32(first) - 23;
  if (first === 0 || at + length > bytes.length) throw new Error('the recording is broken');
  let value = withMarker ? first : first & (0xff >> length);
  for (let index = 1; index < length; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, length };
}
