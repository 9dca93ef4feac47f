// AAC in MPEG4-GENERIC, RFC 3640: modes AAC-hbr and AAC-lbr, and others whose headers have their fields.
//
//   | AU-headers-length u16, in bits | AU-header … | 0 … | auxiliary section | access unit, or a piece of it | …
//
// The sizes of the fields stand in the description. Interleaved access units are refused by name. Cameras leave the
// description's configuration out, or put ADTS headers in front of access units.

import { ReelError } from "../../base/reel-error.js";
import { AAC } from "../../media/codec/aac/aac.js";
import {
  ADTS_HEADER_SIZE,
  adtsChannelConfiguration,
  adtsFrameSize,
  adtsHeaderSize,
  adtsObjectType,
  adtsRateIndex,
} from "../../media/codec/aac/adts.js";
import {
  AAC_SAMPLE_RATES,
  type AacConfig,
  parseAudioSpecificConfig,
} from "../../media/codec/aac/audio-specific-config.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { bytesOf, numberOf } from "./fmtp.js";
import { PacketBits } from "./packet-bits.js";
import type { RtpMedia } from "./rtp-media.js";
import { SoundFrames } from "./sound-frames.js";

/** An access unit has at most 6144 bits a channel, and 48 channels (ISO/IEC 14496-3 §4.5.3). */
const MAX_ACCESS_UNIT_BYTES = 64 * 1024;
const MAX_UNITS = 256;
const SAMPLES = 1024;
const AAC_LC = 2;

interface HeaderFields {
  size: number;
  index: number;
  indexDelta: number;
  ctsDelta: number;
  dtsDelta: number;
  randomAccess: number;
  streamState: number;
  auxiliarySize: number;
}

/** Other object types of MPEG-4 sound (CELP, and what is no sound) have modes of their own. */
export function whyNoAac({ kind, fmtp }: RtpMedia): string | undefined {
  const mode = (fmtp.mode ?? "").toLowerCase();
  if (kind === "audio" && ["", "aac-hbr", "aac-lbr", "generic"].includes(mode)) return undefined;
  return `MPEG-4 ${kind} (mode ${mode.slice(0, 40) || "unknown"})`;
}

export class AacDepacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #frames: SoundFrames;
  readonly #fields: HeaderFields;
  readonly #bits = new PacketBits();
  readonly #sizes = new Int32Array(MAX_UNITS);
  /** Of an access unit, in units of the track's clock. */
  #duration = SAMPLES;
  /** The configuration came from the description. */
  #isDescribed = false;
  /** Of the access unit whose pieces are coming; 0 = none. */
  #wantedBytes = 0;
  #timestamp = 0;
  /** Of an access unit that lost a piece: what else comes of it is passed over. */
  #damagedTimestamp = Number.NaN;

  constructor(context: DepacketizerContext) {
    this.#context = context;
    this.#frames = new SoundFrames(AAC.name, context);
    const { media } = context;
    const mode = (media.fmtp.mode ?? "").toLowerCase();
    const [sizeBits = 0, indexBits = 0] = mode === "generic" ? [] : mode === "aac-lbr" ? [6, 2] : [13, 3];
    this.#fields = {
      size: numberOf(media, "sizelength", sizeBits),
      index: numberOf(media, "indexlength", indexBits),
      indexDelta: numberOf(media, "indexdeltalength", indexBits),
      ctsDelta: numberOf(media, "ctsdeltalength", 0),
      dtsDelta: numberOf(media, "dtsdeltalength", 0),
      randomAccess: numberOf(media, "randomaccessindication", 0) > 0 ? 1 : 0,
      streamState: numberOf(media, "streamstateindication", 0),
      auxiliarySize: numberOf(media, "auxiliarydatasizelength", 0),
    };
    for (const [name, bits] of Object.entries(this.#fields))
      if (bits > 32) this.#fields[name as keyof HeaderFields] = 32;
    this.#describe();
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void {
    if (start === end) return;
    if (isAdts(packet, start, end)) {
      this.#context.note("AAC in ADTS without the headers of its payload format was taken");
      this.#takeAdts(packet, start, end, timestamp);
      return;
    }
    if (!this.#hasHeaders) {
      this.#takeUnit(packet, start, end, end - start, timestamp, isMarked);
      return;
    }
    const units = this.#readHeaders(packet, start, end);
    if (units <= 0) {
      if (units === 0) this.#refuse();
      return;
    }
    let at = this.#dataStart;
    for (let i = 0; i < units && at < end; i++) {
      const size = this.#sizes[i] as number;
      const until = Math.min(end, at + size);
      this.#takeUnit(packet, at, until, size, timestamp + i * this.#duration, isMarked);
      at = until;
    }
  }

  lose(_packets: number, bytes: number): void {
    this.#dropPieces();
    this.#frames.lose(0, bytes);
  }

  end(): void {
    this.#dropPieces();
    this.#frames.end();
  }

  free(): void {
    this.#frames.free();
  }

  get #hasHeaders(): boolean {
    return this.#fields.size > 0 || this.#fields.index > 0;
  }

  #dataStart = 0;

  /** Answers how many access units there are; 0 where the payload contradicts itself, -1 where it was refused. */
  #readHeaders(packet: Uint8Array, start: number, end: number): number {
    const bits = this.#bits;
    const fields = this.#fields;
    bits.begin(packet, start, end);
    const headerBits = bits.u(16);
    const until = bits.bit + headerBits;
    if (headerBits === 0 || until > end * 8) return 0;
    let units = 0;
    while (bits.bit < until && units < MAX_UNITS) {
      const before = bits.bit;
      this.#sizes[units] = bits.u(fields.size);
      const index = bits.u(units === 0 ? fields.index : fields.indexDelta);
      if (fields.ctsDelta > 0 && bits.u(1) === 1) bits.u(fields.ctsDelta);
      if (fields.dtsDelta > 0 && bits.u(1) === 1) bits.u(fields.dtsDelta);
      bits.u(fields.randomAccess);
      bits.u(fields.streamState);
      if (bits.bit > until || bits.isPastEnd || bits.bit === before) return 0;
      if (units > 0 && index > 0) {
        this.#context.statistics.unsupportedPackets++;
        this.#context.note("interleaved AAC access units are not supported");
        return -1;
      }
      units++;
    }
    this.#dataStart = start + 2 + Math.ceil(headerBits / 8);
    if (fields.auxiliarySize > 0) {
      bits.begin(packet, this.#dataStart, end);
      const auxiliaryBits = bits.u(fields.auxiliarySize);
      this.#dataStart += Math.ceil((fields.auxiliarySize + auxiliaryBits) / 8);
    }
    return this.#dataStart < end ? units : 0;
  }

  /** Bytes [start, end) of an access unit of `size` bytes: all of it, or a piece. */
  #takeUnit(packet: Uint8Array, start: number, end: number, size: number, timestamp: number, isMarked: boolean): void {
    const isPiece = end - start < size;
    if (this.#wantedBytes > 0 && (timestamp !== this.#timestamp || size !== this.#wantedBytes)) this.#dropPieces();
    if (!isPiece) {
      this.#takeWhole(packet, start, end, timestamp);
      return;
    }
    if (timestamp === this.#damagedTimestamp) return;
    if (size > MAX_ACCESS_UNIT_BYTES) {
      this.#refuse();
      return;
    }
    this.#wantedBytes = size;
    this.#timestamp = timestamp;
    this.#frames.append(packet, start, end);
    const gathered = this.#frames.gatheredBytes;
    if (gathered < size && !isMarked) return;
    if (gathered !== size) {
      this.#dropPieces();
      return;
    }
    this.#wantedBytes = 0;
    this.#frames.finish(timestamp, this.#duration);
  }

  #takeWhole(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    if (end - start > ADTS_HEADER_SIZE && adtsFrameSize(packet, start) === end - start)
      this.#takeAdts(packet, start, end, timestamp);
    else this.#frames.frame(packet, start, end, timestamp, this.#duration);
  }

  /** ADTS frames, one after the other. */
  #takeAdts(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    let at = start;
    for (let i = 0; at + ADTS_HEADER_SIZE <= end; i++) {
      const size = adtsFrameSize(packet, at);
      if (size === 0 || at + size > end) break;
      if (!this.#isDescribed) this.#useAdts(packet, at);
      this.#frames.frame(
        packet,
        at + adtsHeaderSize(packet, at),
        at + size,
        timestamp + i * this.#duration,
        this.#duration,
      );
      at += size;
    }
    if (at !== end) this.#refuse();
  }

  #refuse(): void {
    this.#context.statistics.badPackets++;
  }

  #dropPieces(): void {
    if (this.#wantedBytes === 0) return;
    this.#context.statistics.damagedFrames++;
    this.#frames.lose(1, this.#frames.gatheredBytes);
    this.#frames.clear();
    this.#wantedBytes = 0;
    this.#damagedTimestamp = this.#timestamp;
  }

  /** The description's configuration; without one what the RTP map says, until ADTS headers say more. */
  #describe(): void {
    const { media, note } = this.#context;
    const described = bytesOf(media, "config");
    const config = described && parsed(described, note);
    if (described && config) {
      this.#use(described, config);
      this.#isDescribed = true;
      return;
    }
    const rateIndex = (AAC_SAMPLE_RATES as readonly number[]).indexOf(media.clockRate);
    if (rateIndex < 0) return;
    note(
      "AAC without a usable configuration in the session description: its rate and channels are those of the RTP map",
    );
    const made = specificConfig(AAC_LC, rateIndex, media.channels || 1);
    const about = parsed(made, note);
    if (about) this.#use(made, about);
  }

  #useAdts(packet: Uint8Array, at: number): void {
    const made = specificConfig(
      adtsObjectType(packet, at),
      adtsRateIndex(packet, at),
      adtsChannelConfiguration(packet, at),
    );
    const config = parsed(made, this.#context.note);
    if (config) this.#use(made, config);
    this.#isDescribed = config !== undefined;
  }

  /** The clock of HE-AAC is that of its output, twice the core's. */
  #use(bytes: Uint8Array, { samplesPerFrame, sampleRate }: AacConfig): void {
    this.#duration = (samplesPerFrame * this.#context.media.clockRate) / sampleRate;
    this.#frames.useConfig(bytes);
  }
}

function parsed(bytes: Uint8Array, note: (text: string) => void): AacConfig | undefined {
  try {
    return parseAudioSpecificConfig(bytes);
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    note(error.message);
    return undefined;
  }
}

function specificConfig(objectType: number, rateIndex: number, channelConfiguration: number): Uint8Array {
  return Uint8Array.of(
    (objectType << 3) | (rateIndex >> 1),
    ((rateIndex & 1) << 7) | ((channelConfiguration & 15) << 3),
  );
}

/** Whole ADTS frames from the first byte to the last. */
function isAdts(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at + ADTS_HEADER_SIZE <= end) {
    const size = adtsFrameSize(bytes, at);
    if (size === 0) return false;
    at += size;
  }
  return at === end;
}
