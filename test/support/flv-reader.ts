// Reads FLV files as strictly as Adobe's Video File Format Specification 10.1, Annex E, AMF 0 and, of further tracks,
// Enhanced RTMP v2 (multitrack tags of one track) allow. Every fault is
// an entry `path: what`, such as `/tag[3]/VIDEODATA: …`; a good file has none. Written from the standards, independent
// of assembly/.

export interface FlvFrame {
  track: "video" | "audio";
  /** Among those of its kind; 0: the tag says none. */
  trackId: number;
  /** Of a further track. */
  fourCc?: string;
  /** Milliseconds as stored, 32 bits. */
  timestampMs: number;
  compositionMs: number;
  isKey: boolean;
  /** AVC: NAL units behind 4-byte lengths. AAC: one raw access unit. */
  payload: Uint8Array;
  /** File position of the tag. */
  position: number;
}

export type AmfValue = number | boolean | string | AmfValue[] | { [name: string]: AmfValue };

export interface FlvFile {
  errors: string[];
  hasAudio: boolean;
  hasVideo: boolean;
  metadata: { [name: string]: AmfValue };
  /** Bytes of the first script tag, its PreviousTagSize included. */
  metadataBytes: number;
  /** Decoder configurations in file order, with their timestamps. */
  avcC: { timestampMs: number; bytes: Uint8Array }[];
  audioSpecificConfig: { timestampMs: number; bytes: Uint8Array }[];
  /** Of further tracks. */
  further: { track: "video" | "audio"; trackId: number; fourCc: string; timestampMs: number; bytes: Uint8Array }[];
  frames: FlvFrame[];
  tags: number;
}

const CODED_FRAMES = 1;
/** Those whose coded frames have a composition time. */
const TIMED_FOUR_CCS = ["avc1", "hvc1"];

const TAG_AUDIO = 8;
const TAG_VIDEO = 9;
const TAG_SCRIPT = 18;
const HEADER_BYTES = 9;

class AmfReader {
  #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.byteLength;
  }

  name(): string {
    const length = this.#bytes.readUInt16BE(this.at);
    if (this.at + 2 + length > this.#bytes.byteLength) throw new RangeError("a string reaches past the end");
    const text = this.#bytes.toString("utf8", this.at + 2, this.at + 2 + length);
    this.at += 2 + length;
    return text;
  }

  value(): AmfValue {
    const marker = this.#bytes.readUInt8(this.at++);
    switch (marker) {
      case 0:
        this.at += 8;
        return this.#bytes.readDoubleBE(this.at - 8);
      case 1: {
        const flag = this.#bytes.readUInt8(this.at++);
        if (flag > 1) throw new RangeError(`boolean ${flag}`);
        return flag === 1;
      }
      case 2:
        return this.name();
      case 3:
        return this.#properties();
      case 8: {
        const count = this.#u32();
        const object = this.#properties();
        const found = Object.keys(object).length;
        if (found !== count) throw new RangeError(`an ECMA array says ${count} properties and has ${found}`);
        return object;
      }
      case 10: {
        const count = this.#u32();
        return Array.from({ length: count }, () => this.value());
      }
      default:
        throw new RangeError(`AMF marker ${marker}`);
    }
  }

  #u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  #properties(): { [name: string]: AmfValue } {
    const object: { [name: string]: AmfValue } = {};
    for (;;) {
      const name = this.name();
      if (name === "") break;
      if (name in object) throw new RangeError(`property ${name} twice`);
      object[name] = this.value();
    }
    if (this.#bytes.readUInt8(this.at++) !== 9) throw new RangeError("no object end marker");
    return object;
  }
}

class FlvReader {
  readonly file: FlvFile = {
    errors: [],
    hasAudio: false,
    hasVideo: false,
    metadata: {},
    metadataBytes: 0,
    avcC: [],
    audioSpecificConfig: [],
    further: [],
    frames: [],
    tags: 0,
  };
  #bytes: Buffer;
  #last: Record<string, number> = {};

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): FlvFile {
    const bytes = this.#bytes;
    if (bytes.byteLength < HEADER_BYTES + 4) {
      this.#fail("", `${bytes.byteLength} bytes`);
      return this.file;
    }
    if (bytes.toString("latin1", 0, 3) !== "FLV" || bytes[3] !== 1) this.#fail("/header", "Signature or Version");
    const flags = bytes[4] ?? 0;
    if (flags & 0xfa) this.#fail("/header", `TypeFlagsReserved, 0x${flags.toString(16)}`);
    this.file.hasAudio = (flags & 4) !== 0;
    this.file.hasVideo = (flags & 1) !== 0;
    if (bytes.readUInt32BE(5) !== HEADER_BYTES) this.#fail("/header", `DataOffset ${bytes.readUInt32BE(5)}`);
    if (bytes.readUInt32BE(HEADER_BYTES) !== 0) this.#fail("/PreviousTagSize0", "not 0");
    let at = HEADER_BYTES + 4;
    while (at < bytes.byteLength) {
      const next = this.#tag(at);
      if (next === undefined) break;
      at = next;
    }
    this.#check();
    return this.file;
  }

  #fail(path: string, what: string): void {
    if (this.file.errors.length < 50) this.file.errors.push(`${path}: ${what}`);
  }

  /** Returns where the next tag begins. */
  #tag(at: number): number | undefined {
    const bytes = this.#bytes;
    const path = `/tag[${this.file.tags}]`;
    if (at + 15 > bytes.byteLength) {
      this.#fail(path, `${bytes.byteLength - at} bytes are no tag`);
      return undefined;
    }
    const type = bytes[at] ?? 0;
    const size = bytes.readUIntBE(at + 1, 3);
    const timestampMs = bytes.readUIntBE(at + 4, 3) + (bytes[at + 7] ?? 0) * 2 ** 24;
    if (bytes.readUIntBE(at + 8, 3) !== 0) this.#fail(path, "StreamID is not 0");
    const end = at + 11 + size;
    if (end + 4 > bytes.byteLength) {
      this.#fail(path, `DataSize ${size} reaches past the end of the file`);
      return undefined;
    }
    if (bytes.readUInt32BE(end) !== 11 + size)
      this.#fail(path, `PreviousTagSize ${bytes.readUInt32BE(end)}, the tag has ${11 + size}`);
    const body = bytes.subarray(at + 11, end);
    if (type === TAG_SCRIPT) this.#script(`${path}/SCRIPTDATA`, body, timestampMs);
    else if (type === TAG_VIDEO) this.#video(`${path}/VIDEODATA`, body, timestampMs, at);
    else if (type === TAG_AUDIO) this.#audio(`${path}/AUDIODATA`, body, timestampMs, at);
    else this.#fail(path, `TagType ${type}`);
    this.file.tags++;
    return end + 4;
  }

  #script(path: string, body: Buffer, timestampMs: number): void {
    if (this.file.tags !== 0) this.#fail(path, "a script tag that is not the first tag");
    if (timestampMs !== 0) this.#fail(path, `Timestamp ${timestampMs}`);
    try {
      const amf = new AmfReader(body);
      if (amf.value() !== "onMetaData") this.#fail(path, "not onMetaData");
      const value = amf.value();
      if (typeof value !== "object" || Array.isArray(value)) this.#fail(path, "no ECMA array");
      else this.file.metadata = value;
      if (!amf.isAtEnd) this.#fail(path, `bytes behind the value, at ${amf.at} of ${body.byteLength}`);
      this.file.metadataBytes = 11 + body.byteLength + 4;
    } catch (error) {
      this.#fail(path, (error as Error).message);
    }
  }

  /** A multitrack tag of one track: | packet type Multitrack | OneTrack, packet type | FourCC | track id | … */
  #further(path: string, track: "video" | "audio", body: Buffer, timestampMs: number, position: number): void {
    const [first = 0, types = 0] = body;
    if (body.byteLength < 8) {
      this.#fail(path, "shorter than a multitrack header");
      return;
    }
    if ((first & 15) !== (track === "video" ? 6 : 5))
      this.#fail(path, `packet type ${first & 15} in an extended header`);
    if (types >> 4 !== 0) this.#fail(path, `multitrack type ${types >> 4}`);
    const fourCc = body.toString("latin1", 2, 6);
    const trackId = body[6] ?? 0;
    if (trackId === 0) this.#fail(path, "a multitrack tag of the first track");
    const frameType = (first >> 4) & 7;
    if (track === "video" && frameType !== 1 && frameType !== 2) this.#fail(path, `frame type ${frameType}`);
    if ((types & 15) === 0) {
      this.file.further.push({ track, trackId, fourCc, timestampMs, bytes: body.subarray(7) });
      return;
    }
    if ((types & 15) !== CODED_FRAMES) this.#fail(path, `packet type ${types & 15}`);
    if (!this.file.further.some((config) => config.track === track && config.trackId === trackId))
      this.#fail(path, "a frame in front of the sequence start");
    const isTimed = track === "video" && TIMED_FOUR_CCS.includes(fourCc);
    const compositionMs = isTimed ? body.readIntBE(7, 3) : 0;
    const isKey = track === "audio" || frameType === 1;
    const payload = body.subarray(isTimed ? 10 : 7);
    this.#frame({ track, trackId, fourCc, timestampMs, compositionMs, isKey, payload, position }, path);
  }

  #video(path: string, body: Buffer, timestampMs: number, position: number): void {
    if ((body[0] ?? 0) & 0x80) {
      this.#further(path, "video", body, timestampMs, position);
      return;
    }
    const frameType = (body[0] ?? 0) >> 4;
    if (((body[0] ?? 0) & 15) !== 7) this.#fail(path, `CodecID ${(body[0] ?? 0) & 15}`);
    if (frameType !== 1 && frameType !== 2) this.#fail(path, `FrameType ${frameType}`);
    if (body.byteLength < 5) {
      this.#fail(path, "shorter than its header");
      return;
    }
    const packetType = body[1];
    const compositionMs = body.readIntBE(2, 3);
    if (body.byteLength === 5 && packetType !== 2) this.#fail(path, "no data");
    if (packetType === 0) {
      if (compositionMs !== 0 || frameType !== 1)
        this.#fail(path, "a sequence header that is no key frame or has a composition time");
      if (body[5] !== 1) this.#fail(path, `configurationVersion ${body[5]}`);
      if (((body[9] ?? 0) & 3) !== 3) this.#fail(path, "lengthSizeMinusOne is not 3");
      this.file.avcC.push({ timestampMs, bytes: body.subarray(5) });
      return;
    }
    // An end of sequence (2) is legal and carries nothing.
    if (packetType === 2) return;
    if (packetType !== 1) this.#fail(path, `AVCPacketType ${packetType}`);
    if (this.file.avcC.length === 0) this.#fail(path, "a picture in front of the sequence header");
    const payload = body.subarray(5);
    for (let at = 0; at < payload.byteLength; ) {
      const size = at + 4 <= payload.byteLength ? payload.readUInt32BE(at) : -1;
      if (size < 0 || at + 4 + size > payload.byteLength) {
        this.#fail(path, `NAL unit length at ${at} of ${payload.byteLength}`);
        break;
      }
      at += 4 + size;
    }
    this.#frame(
      { track: "video", trackId: 0, timestampMs, compositionMs, isKey: frameType === 1, payload, position },
      path,
    );
  }

  #audio(path: string, body: Buffer, timestampMs: number, position: number): void {
    if ((body[0] ?? 0) >> 4 === 9) {
      this.#further(path, "audio", body, timestampMs, position);
      return;
    }
    if (body[0] !== 0xaf) this.#fail(path, `flags 0x${body[0]?.toString(16)}, AAC has 0xaf`);
    if (body.byteLength < 3) this.#fail(path, "no data");
    if (body[1] === 0) {
      this.file.audioSpecificConfig.push({ timestampMs, bytes: body.subarray(2) });
      return;
    }
    if (body[1] !== 1) this.#fail(path, `AACPacketType ${body[1]}`);
    if (this.file.audioSpecificConfig.length === 0) this.#fail(path, "audio in front of the sequence header");
    this.#frame(
      { track: "audio", trackId: 0, timestampMs, compositionMs: 0, isKey: true, payload: body.subarray(2), position },
      path,
    );
  }

  #frame(frame: FlvFrame, path: string): void {
    const name = `${frame.track}${frame.trackId}`;
    const last = this.#last[name];
    // Signed distance: timestamps wrap at 32 bits.
    if (last !== undefined && ((frame.timestampMs - last) | 0) < 0)
      this.#fail(path, `Timestamp ${frame.timestampMs} after ${last}`);
    this.#last[name] = frame.timestampMs;
    this.file.frames.push(frame);
  }

  #check(): void {
    const { file } = this;
    if (file.metadataBytes === 0) this.#fail("/", "no onMetaData");
    for (const track of ["video", "audio"] as const) {
      const has = track === "video" ? file.hasVideo : file.hasAudio;
      if (!has && file.frames.some((frame) => frame.track === track))
        this.#fail("/header", `${track} tags, but the flag is 0`);
    }
  }
}

/** Reads a whole file. Look at `errors` first. */
export function readFlv(bytes: Uint8Array): FlvFile {
  return new FlvReader(bytes).read();
}
