// The extended headers of Enhanced RTMP v2 (ExVideoTagHeader, ExAudioTagHeader) and the parts of a multitrack body:
//
//   one track:     | packet type | ModEx … | FourCC | data
//   OneTrack:      | Multitrack | ModEx … | type, packet type | FourCC | track id | data
//   ManyTracks:    | Multitrack | ModEx … | type, packet type | FourCC | track id | size u24 | data | track id …
//   … ManyCodecs:  | Multitrack | ModEx … | type, packet type | FourCC | track id | size u24 | data | FourCC …
//
// ModEx is | size − 1 u8 (255: u16 follows) | size bytes | what it is, packet type |; only the nanoseconds are known.
// Bytes come from outside: nothing is read past `end`, and every part is at least one byte long.

/** VideoPacketType; AudioPacketType has the first three and ModEx in common. */
export const EX_CODED_FRAMES_X = 3;
export const EX_MOD_EX = 7;
export const EX_VIDEO_METADATA = 4;
const EX_VIDEO_MULTITRACK = 6;
const EX_AUDIO_MULTITRACK = 5;

const ONE_TRACK = 0;
const MANY_TRACKS_MANY_CODECS = 2;
/** No multitrack type is above this one. */
const LAST_MULTITRACK_TYPE = MANY_TRACKS_MANY_CODECS;

const FRAME_TYPE_COMMAND = 5;
const TIMESTAMP_OFFSET_NANO = 0;
/** The offset refines a timestamp of whole milliseconds. */
const MAX_NANO_OFFSET = 999_999;
const LONG_SIZE = 256;
/** Track ids have eight bits, and a message has each of them once. */
const MAX_PARTS = 256;
const FOUR_CC_SIZE = 4;

/** One object for many headers; `parse` fills it, `nextPart` goes through the tracks of one message. */
export class ExHeader {
  packetType = 0;
  /** 0 where a message carries one track without saying which. */
  trackId = 0;
  /** First character in the highest byte; 0 where there is none. */
  fourCc = 0;
  /** To be added to the time of presentation. */
  nanoOffset = 0;
  isMultitrack = false;
  /** The header says that nothing follows it that could be recorded: a command of the server. */
  isCommand = false;
  /** The data of the part, behind FourCC, track id and size. */
  start = 0;
  end = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #multitrackType = ONE_TRACK;
  #at = 0;
  #end = 0;
  #parts = 0;

  /** Whether more than the first few bytes of a message tell what it is: from its first byte. */
  static isCompound(isVideo: boolean, first: number): boolean {
    const packetType = first & 15;
    return packetType === EX_MOD_EX || packetType === (isVideo ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK);
  }

  /** From the first byte of a body that is known to be extended. False where it ends in its header. */
  parse(isVideo: boolean, bytes: Uint8Array, at: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = at + 1;
    this.#end = end;
    this.nanoOffset = 0;
    this.trackId = 0;
    this.fourCc = 0;
    this.isMultitrack = false;
    this.isCommand = false;
    this.#parts = 0;
    const first = bytes[at] ?? 0;
    this.packetType = first & 15;
    while (this.packetType === EX_MOD_EX) if (!this.#takeModEx()) return false;
    if (isVideo && ((first >> 4) & 7) === FRAME_TYPE_COMMAND && this.packetType !== EX_VIDEO_METADATA) {
      this.isCommand = true;
      return true;
    }
    this.isMultitrack = this.packetType === (isVideo ? EX_VIDEO_MULTITRACK : EX_AUDIO_MULTITRACK);
    if (!this.isMultitrack) {
      this.start = this.#at + FOUR_CC_SIZE;
      this.end = end;
      return this.#takeFourCc();
    }
    if (this.#at >= end) return false;
    const types = bytes[this.#at++] ?? 0;
    this.#multitrackType = types >> 4;
    this.packetType = types & 15;
    // A multitrack message in a multitrack message, and ModEx behind it, are not foreseen.
    if (this.#multitrackType > LAST_MULTITRACK_TYPE || ExHeader.isCompound(isVideo, types)) return false;
    if (this.#multitrackType !== MANY_TRACKS_MANY_CODECS && !this.#takeFourCc()) return false;
    return this.#takePart();
  }

  /** The next track of the message. False behind the last one, and where the rest is no part or one too many. */
  nextPart(): boolean {
    if (this.#parts >= MAX_PARTS) return false;
    if (!this.isMultitrack || this.#multitrackType === ONE_TRACK || this.#at >= this.#end) return false;
    return this.#takePart();
  }

  #takePart(): boolean {
    this.#parts++;
    if (this.#multitrackType === MANY_TRACKS_MANY_CODECS && !this.#takeFourCc()) return false;
    const hasSize = this.#multitrackType !== ONE_TRACK;
    if (this.#at + (hasSize ? 4 : 1) > this.#end) return false;
    this.trackId = this.#bytes[this.#at++] ?? 0;
    const sizeBytes = hasSize ? this.#u(3) : this.#end - this.#at;
    this.start = this.#at;
    this.end = this.#at + sizeBytes;
    this.#at = this.end;
    return this.end <= this.#end;
  }

  #takeModEx(): boolean {
    if (this.#at >= this.#end) return false;
    let sizeBytes = this.#u(1) + 1;
    if (sizeBytes === LONG_SIZE) {
      if (this.#at + 2 > this.#end) return false;
      sizeBytes = this.#u(2) + 1;
    }
    const data = this.#at;
    if (data + sizeBytes >= this.#end) return false;
    this.#at = data + sizeBytes;
    const types = this.#bytes[this.#at++] ?? 0;
    this.packetType = types & 15;
    if (types >> 4 === TIMESTAMP_OFFSET_NANO && sizeBytes >= 3)
      this.nanoOffset = Math.min(this.#u24(data), MAX_NANO_OFFSET);
    return true;
  }

  #takeFourCc(): boolean {
    if (this.#at + FOUR_CC_SIZE > this.#end) return false;
    this.fourCc = this.#u(4);
    return true;
  }

  #u24(at: number): number {
    const bytes = this.#bytes;
    return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  }

  #u(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + (this.#bytes[this.#at++] ?? 0);
    return value;
  }
}
