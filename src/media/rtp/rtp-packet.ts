// The header of an RTP packet, RFC 3550 §5.1, read in place. One object is used for many packets; nothing is allocated.
//
//   0        1           2        4          8     12
//   | V P X CC | M PT | sequence | timestamp | SSRC | CSRC × CC | extension | payload … | padding |

export const RTP_HEADER_SIZE = 12;
const VERSION = 2;

export class RtpPacket {
  payloadType = 0;
  isMarked = false;
  sequenceNumber = 0;
  timestamp = 0;
  ssrc = 0;
  /** Offsets in the bytes. */
  payloadStart = 0;
  payloadEnd = 0;

  /** False where bytes[start…stop] are no RTP packet. */
  parse(bytes: Uint8Array, start = 0, stop = bytes.byteLength): boolean {
    if (stop - start < RTP_HEADER_SIZE) return false;
    const first = bytes[start] as number;
    if (first >> 6 !== VERSION) return false;
    let at = start + RTP_HEADER_SIZE + 4 * (first & 15);
    if ((first & 0x10) !== 0) {
      if (at + 4 > stop) return false;
      at += 4 + 4 * (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
    }
    let end = stop;
    // The last octet of the padding counts it, itself included.
    if ((first & 0x20) !== 0) {
      const padding = bytes[stop - 1] as number;
      if (padding === 0) return false;
      end -= padding;
    }
    if (at > end) return false;
    const second = bytes[start + 1] as number;
    this.isMarked = second >= 0x80;
    this.payloadType = second & 0x7f;
    this.sequenceNumber = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
    this.timestamp = readU32(bytes, start + 4);
    this.ssrc = readU32(bytes, start + 8);
    this.payloadStart = at;
    this.payloadEnd = end;
    return true;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}
