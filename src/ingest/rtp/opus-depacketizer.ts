// Opus, RFC 7587: each payload is one Opus packet. Its clock is 48 kHz and its map says two channels, whatever is in
// it; sprop-stereo says what the sender sends.

import { OPUS } from "../../media/codec/opus/opus.js";
import { opusHeadOf } from "../../media/codec/opus/opus-head.js";
import { opusPacketSamples } from "../../media/codec/opus/opus-packet.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { SoundFrames } from "./sound-frames.js";

/** The largest packet has 48 frames of 1275 bytes (RFC 6716 §3.2.1). */
const MAX_PACKET_BYTES = 48 * 1275;
const STEREO = 2;

export class OpusDepacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #frames: SoundFrames;

  constructor(context: DepacketizerContext) {
    this.#context = context;
    this.#frames = new SoundFrames(OPUS.name, context);
    // What an encoder put in front was played before we came.
    const head = opusHeadOf(STEREO, 0);
    if (head) this.#frames.useConfig(head);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const size = end - start;
    if (size === 0) return;
    const samples = opusPacketSamples(packet[start] as number, size > 1 ? (packet[start + 1] as number) : 0);
    if (samples === 0 || size > MAX_PACKET_BYTES) {
      this.#context.statistics.badPackets++;
      return;
    }
    this.#frames.frame(packet, start, end, timestamp, samples);
  }

  lose(packets: number, bytes: number): void {
    this.#frames.lose(packets, bytes);
  }

  end(): void {
    this.#frames.end();
  }

  free(): void {
    this.#frames.free();
  }
}
