// Transport packets as a reader sees them, ISO/IEC 13818-1 §2.4.3.2, §2.4.3.4. Nothing is trusted: lengths are cut to
// the packet.

export const TS_PACKET_BYTES = 188;
export const SYNC_BYTE = 0x47;
export const PID_COUNT = 8192;
export const PID_NULL = 0x1fff;
export const CLOCK_MODULUS = 2 ** 33;

const HAS_ADAPTATION = 0x20;
const HAS_PAYLOAD = 0x10;

export interface TsPacket {
  pid: number;
  isStart: boolean;
  hasError: boolean;
  isScrambled: boolean;
  hasPayload: boolean;
  continuityCounter: number;
  isDiscontinuity: boolean;
  isRandomAccess: boolean;
  /** program_clock_reference_base, or -1. */
  pcr90k: number;
  /** The adaptation field is longer than its contents. */
  isStuffed: boolean;
  /** Place of the payload in the packet; 188 without one. */
  payloadAt: number;
}

/**
 * PIDs that a stream begins with: the PAT, and the SDT that other writers put in front of it (ETSI EN 300 468 §5.1.3).
 */
const FIRST_PIDS: readonly number[] = [0, 0x11];
const PAYLOAD_UNIT_START = 0x40;
/** Sync bytes in a row that are no accident. */
export const SYNC_RUN = 5;
export const RECOGNITION_BYTES = (SYNC_RUN - 1) * TS_PACKET_BYTES + 1;

/**
 * Whether a file that begins with these bytes is a transport stream: a table first, or five packets in a row. A text
 * may begin with a sync byte ("G"), and `.ts` is the ending of TypeScript too: what is no transport stream must never
 * be cut like one.
 */
export function isTransportStream(head: Buffer): boolean {
  if (head[0] !== SYNC_BYTE) return false;
  if (
    head.byteLength >= 3 &&
    ((head[1] ?? 0) & 0xe0) === PAYLOAD_UNIT_START &&
    FIRST_PIDS.includes(head.readUInt16BE(1) & 0x1fff)
  )
    return true;
  if (head.byteLength < RECOGNITION_BYTES) return false;
  for (let at = 0; at < RECOGNITION_BYTES; at += TS_PACKET_BYTES) if (head[at] !== SYNC_BYTE) return false;
  return true;
}

export function emptyPacket(): TsPacket {
  return {
    pid: 0,
    isStart: false,
    hasError: false,
    isScrambled: false,
    hasPayload: false,
    continuityCounter: 0,
    isDiscontinuity: false,
    isRandomAccess: false,
    pcr90k: -1,
    isStuffed: false,
    payloadAt: TS_PACKET_BYTES,
  };
}

/**
 * Parses the 188 bytes at `at` into `packet`, which the caller reuses: there are millions. False where the fields
 * contradict the packet's size.
 */
export function parseTsPacket(bytes: Buffer, at: number, packet: TsPacket): boolean {
  const b1 = bytes[at + 1] ?? 0;
  const b3 = bytes[at + 3] ?? 0;
  packet.hasError = (b1 & 0x80) !== 0;
  packet.isStart = (b1 & 0x40) !== 0;
  packet.pid = ((b1 & 0x1f) << 8) | (bytes[at + 2] ?? 0);
  packet.isScrambled = (b3 & 0xc0) !== 0;
  packet.hasPayload = (b3 & HAS_PAYLOAD) !== 0;
  packet.continuityCounter = b3 & 15;
  packet.isDiscontinuity = false;
  packet.isRandomAccess = false;
  packet.pcr90k = -1;
  packet.isStuffed = false;
  packet.payloadAt = 4;
  if ((b3 & HAS_ADAPTATION) !== 0 && !parseAdaptation(bytes, at, packet)) return false;
  if (!packet.hasPayload) packet.payloadAt = TS_PACKET_BYTES;
  return (b3 & (HAS_ADAPTATION | HAS_PAYLOAD)) !== 0;
}

function parseAdaptation(bytes: Buffer, at: number, packet: TsPacket): boolean {
  const length = bytes[at + 4] ?? 0;
  const most = packet.hasPayload ? 182 : 183;
  packet.payloadAt = 5 + Math.min(length, 183);
  packet.isStuffed = length === 0;
  if (length === 0) return true;
  const flags = bytes[at + 5] ?? 0;
  packet.isDiscontinuity = (flags & 0x80) !== 0;
  packet.isRandomAccess = (flags & 0x40) !== 0;
  const hasPcr = (flags & 0x10) !== 0;
  if (hasPcr && length >= 7) packet.pcr90k = bytes.readUInt32BE(at + 6) * 2 + ((bytes[at + 10] ?? 0) >> 7);
  packet.isStuffed = length > 1 + (hasPcr ? 6 : 0);
  return length <= most && (!hasPcr || length >= 7);
}

/** The time on an unwrapped clock that is nearest to `reference`. */
export function nearestTime(wire90k: number, reference90k: number): number {
  if (Number.isNaN(reference90k)) return wire90k;
  return wire90k + Math.round((reference90k - wire90k) / CLOCK_MODULUS) * CLOCK_MODULUS;
}
