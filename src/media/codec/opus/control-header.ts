// The control header in front of each Opus packet in MPEG-TS ("Opus in MPEG-2 transport streams", §5):
//
//   | 0x3ff (11) | start_trim_flag, end_trim_flag, control_extension_flag, 0 (2) | au_size: 255 … rest
//   | (start_trim 16) | (end_trim 16) | (length, extension) |

const MAX_SIZE_BYTES = 256;

export class OpusControlHeader {
  /** Of the header itself. */
  headerBytes = 0;
  /** Of the packet behind it. */
  packetBytes = 0;
  /** Samples to leave out at the packet's front; 0 where it says none. */
  startTrim = 0;

  /** 1 where there is a whole header at `at`, 0 where none begins, -1 where more bytes are needed. */
  parse(bytes: Uint8Array, at: number, end: number): 1 | 0 | -1 {
    if (at < end && bytes[at] !== 0x7f) return 0;
    if (at + 1 < end && ((bytes[at + 1] ?? 0) & 0xe0) !== 0xe0) return 0;
    if (at + 3 > end) return -1;
    const flags = bytes[at + 1] ?? 0;
    let from = at + 2;
    let size = 0;
    for (let byte = 255; byte === 255; from++) {
      if (from >= end) return -1;
      if (from - at > MAX_SIZE_BYTES) return 0;
      byte = bytes[from] ?? 0;
      size += byte;
    }
    if (from + (flags & 0x10 ? 2 : 0) > end) return -1;
    this.startTrim = 0;
    if (flags & 0x10) {
      this.startTrim = (((bytes[from] ?? 0) << 8) | (bytes[from + 1] ?? 0)) & 0x1fff;
      from += 2;
    }
    if (flags & 0x08) from += 2;
    if (flags & 0x04) {
      if (from >= end) return -1;
      from += 1 + (bytes[from] ?? 0);
    }
    if (from > end) return -1;
    this.headerBytes = from - at;
    this.packetBytes = size;
    return 1;
  }
}
