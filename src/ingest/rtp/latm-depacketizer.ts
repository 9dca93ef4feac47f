// AAC in LATM (MP4A-LATM), RFC 6416: each payload is an AudioMuxElement or a piece of one, the marker bit is on the
// last. Its configuration stands in the description (cpresent=0) or in the elements.

import { ReelError } from "../../base/reel-error.js";
import { AAC } from "../../media/codec/aac/aac.js";
import { AudioMuxReader, copyFromBit } from "../../media/codec/aac/latm.js";
import type { StreamMuxConfig } from "../../media/codec/aac/stream-mux-config.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { bytesOf, numberOf } from "./fmtp.js";
import { PacketScratch } from "./packet-scratch.js";
import type { RtpMedia } from "./rtp-media.js";
import { SoundFrames } from "./sound-frames.js";

const MAX_ELEMENT_BYTES = 64 * 1024;

function isInBand(media: RtpMedia): boolean {
  return numberOf(media, "cpresent", 1) !== 0;
}

export function whyNoLatm(media: RtpMedia): string | undefined {
  if (isInBand(media)) return undefined;
  const config = bytesOf(media, "config");
  if (!config) return "AAC in LATM without a configuration";
  try {
    new AudioMuxReader().useConfig(config);
    return undefined;
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    return error.message;
  }
}

export class LatmDepacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #frames: SoundFrames;
  readonly #reader = new AudioMuxReader();
  readonly #isInBand: boolean;
  /** An element that comes in several packets. */
  readonly #pieces: PacketScratch;
  #timestamp = 0;
  /** The one that was handed on last. */
  #config: StreamMuxConfig | undefined;
  /** Of an access unit, in units of the track's clock. */
  #duration = 0;
  /** An access unit that begins within a byte. */
  #shifted = new Uint8Array(0);

  constructor(context: DepacketizerContext) {
    this.#context = context;
    this.#frames = new SoundFrames(AAC.name, context);
    this.#pieces = new PacketScratch(context.arena, context.budget);
    const { media } = context;
    this.#isInBand = isInBand(media);
    const config = bytesOf(media, "config");
    if (!this.#isInBand && config) this.#reader.useConfig(config);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void {
    if (this.#pieces.end > 0 && timestamp !== this.#timestamp) this.#damage();
    this.#timestamp = timestamp;
    if (isMarked && this.#pieces.end === 0) {
      this.#takeElement(packet, start, end);
      return;
    }
    if (this.#pieces.end + end - start > MAX_ELEMENT_BYTES) {
      this.#damage();
      return;
    }
    this.#pieces.append(packet, start, end);
    if (!isMarked) return;
    this.#takeElement(this.#pieces.bytes, 0, this.#pieces.end);
    this.#pieces.reset();
  }

  lose(_packets: number, bytes: number): void {
    if (this.#pieces.end > 0) this.#damage();
    this.#frames.lose(0, bytes);
  }

  end(): void {
    if (this.#pieces.end > 0) this.#damage();
    this.#frames.end();
  }

  free(): void {
    this.#pieces.free();
    this.#frames.free();
  }

  #damage(): void {
    this.#context.statistics.damagedFrames++;
    this.#frames.lose(1, this.#pieces.end);
    this.#pieces.reset();
  }

  #takeElement(bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    const reader = this.#reader;
    const isRead = reader.read(bytes, start, end, this.#isInBand);
    if (reader.refused !== undefined) this.#context.note(`not recorded: ${reader.refused}`);
    const { config } = reader;
    if (config && config !== this.#config) this.#use(config);
    if (!isRead || !config) {
      if (config) this.#context.statistics.badPackets++;
      else this.#context.statistics.framesBeforeConfig++;
      return;
    }
    for (let i = 0; i < reader.payloads; i++) {
      const timestamp = this.#timestamp + i * this.#duration;
      this.#takeUnit(bytes, reader.payloadBit[i] ?? 0, reader.payloadBytes[i] ?? 0, timestamp);
    }
  }

  #takeUnit(bytes: Uint8Array, bit: number, size: number, timestamp: number): void {
    if (size === 0) return;
    if ((bit & 7) === 0) {
      this.#frames.frame(bytes, bit >> 3, (bit >> 3) + size, timestamp, this.#duration);
      return;
    }
    if (this.#shifted.byteLength < size) this.#shifted = new Uint8Array(2 * size);
    copyFromBit(this.#shifted, 0, bytes, bit, size);
    this.#frames.frame(this.#shifted, 0, size, timestamp, this.#duration);
  }

  #use(config: StreamMuxConfig): void {
    this.#config = config;
    const { samplesPerFrame, sampleRate } = config.audio;
    this.#duration = (samplesPerFrame * this.#context.media.clockRate) / sampleRate;
    this.#frames.useConfig(config.audioSpecificConfig);
  }
}
