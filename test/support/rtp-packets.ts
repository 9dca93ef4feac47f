// RTP packets for tests, written from RFC 3550 and the payload formats' RFCs.

export interface PacketFields {
  payloadType?: number;
  sequence: number;
  timestamp: number;
  ssrc?: number;
  isMarked?: boolean;
}

export const TEST_SSRC = 0x52454c4c;

export function rtpPacket(fields: PacketFields, payload: Uint8Array): Uint8Array {
  const { payloadType = 96, sequence, timestamp, ssrc = TEST_SSRC, isMarked = false } = fields;
  const packet = Buffer.alloc(12 + payload.byteLength);
  packet[0] = 0x80;
  packet[1] = (isMarked ? 0x80 : 0) | payloadType;
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(timestamp >>> 0, 4);
  packet.writeUInt32BE(ssrc, 8);
  packet.set(payload, 12);
  return packet;
}

/** A sender report alone in its compound packet (RFC 3550 §6.4.1). */
export function senderReport(ntpMs: number, timestamp: number, ssrc = TEST_SSRC): Uint8Array {
  const packet = Buffer.alloc(28);
  packet[0] = 0x80;
  packet[1] = 200;
  packet.writeUInt16BE(6, 2);
  packet.writeUInt32BE(ssrc, 4);
  packet.writeUInt32BE(Math.floor(ntpMs / 1000), 8);
  packet.writeUInt32BE(Math.floor(((ntpMs % 1000) * 2 ** 32) / 1000), 12);
  packet.writeUInt32BE(timestamp >>> 0, 16);
  return packet;
}

/** Numbers packets of one source in order. */
export class PacketWriter {
  readonly packets: Uint8Array[] = [];
  constructor(
    private sequence = 1000,
    private readonly fields: { payloadType?: number; ssrc?: number } = {},
  ) {}

  write(timestamp: number, payload: Uint8Array, isMarked = false): this {
    this.packets.push(rtpPacket({ ...this.fields, sequence: this.sequence++, timestamp, isMarked }, payload));
    return this;
  }
}

/** A NAL unit of H.264 in pieces (RFC 6184 §5.8). */
export function fuA(nal: Uint8Array, pieceBytes: number): Uint8Array[] {
  const [header = 0] = nal;
  const body = nal.subarray(1);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.byteLength; at += pieceBytes) {
    const isFirst = at === 0;
    const isLast = at + pieceBytes >= body.byteLength;
    const fuHeader = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | (header & 31);
    pieces.push(Uint8Array.from([(header & 0xe0) | 28, fuHeader, ...body.subarray(at, at + pieceBytes)]));
  }
  return pieces;
}

/** Several NAL units of H.264 in one payload (RFC 6184 §5.7.1). */
export function stapA(...nals: Uint8Array[]): Uint8Array {
  const nri = Math.max(...nals.map((nal) => (nal[0] ?? 0) & 0x60));
  return Uint8Array.from([nri | 24, ...nals.flatMap((nal) => [nal.byteLength >> 8, nal.byteLength & 255, ...nal])]);
}
