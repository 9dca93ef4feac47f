// From the PES payloads of an Opus stream to Opus packets: each stands behind a control header that says its size. The
// decoder configuration is made from the PMT's channel configuration and from the first packet, which says how much of
// the sound the encoder put in front.

import { OpusControlHeader } from "../../media/codec/opus/control-header.js";
import { OPUS } from "../../media/codec/opus/opus.js";
import { OPUS_SAMPLE_RATE, opusHeadOf } from "../../media/codec/opus/opus-head.js";
import { opusPacketSamples } from "../../media/codec/opus/opus-packet.js";
import { findDescriptor } from "../../media/mpegts/psi.js";
import type { AssemblerContext } from "./assembler.js";
import { AudioAssembler } from "./audio-assembler.js";

/** The largest packet has 48 frames of 1275 bytes (RFC 6716 §3.2.1). */
const MAX_PACKET_BYTES = 48 * 1275;
const SCRATCH_SIZE = MAX_PACKET_BYTES + 4096;
const EXTENSION_DESCRIPTOR = 0x7f;
const OPUS_EXTENSION = 0x80;

/** Undefined where the descriptors of a stream say a channel configuration that is known. */
export function whyNoOpus(descriptors: Uint8Array): string | undefined {
  const code = channelConfigCodeOf(descriptors);
  if (code === undefined) return "Opus without a channel configuration";
  return opusHeadOf(code, 0) ? undefined : `Opus of channel configuration ${code}`;
}

function channelConfigCodeOf(descriptors: Uint8Array): number | undefined {
  return findDescriptor(descriptors, EXTENSION_DESCRIPTOR, OPUS_EXTENSION)?.[0];
}

export class OpusAssembler extends AudioAssembler {
  readonly #channelConfigCode: number | undefined;
  readonly #header = new OpusControlHeader();

  constructor(context: AssemblerContext) {
    super(context, SCRATCH_SIZE);
    this.sampleRate = OPUS_SAMPLE_RATE;
    this.#channelConfigCode = channelConfigCodeOf(context.descriptors);
  }

  protected takeFrames(): void {
    const header = this.#header;
    while (this.from < this.to) {
      const found = header.parse(this.scratch.bytes, this.from, this.to);
      if (found === 0 || (found > 0 && header.packetBytes > MAX_PACKET_BYTES)) {
        this.skipByte();
        continue;
      }
      const packet = this.from + header.headerBytes;
      if (found < 0 || packet + header.packetBytes > this.to) return;
      this.#emit(this.from, packet, packet + header.packetBytes);
      this.consume(packet + header.packetBytes);
    }
  }

  #emit(at: number, start: number, end: number): void {
    const { bytes } = this.scratch;
    const samples =
      start < end ? opusPacketSamples(bytes[start] ?? 0, start + 1 < end ? (bytes[start + 1] ?? 0) : 0) : 0;
    const dts90k = this.takeTime(at, samples);
    if (samples === 0) {
      this.statistics.damagedFrames++;
      this.lostFrames++;
      return;
    }
    if (!this.hasConfig) this.#configure();
    if (!this.hasConfig || Number.isNaN(dts90k)) {
      this.statistics.framesBeforeConfig++;
      return;
    }
    this.beginFrame();
    this.addRange(start, end);
    this.emitFrame(dts90k, samples);
  }

  #configure(): void {
    const code = this.#channelConfigCode;
    const head = code === undefined ? undefined : opusHeadOf(code, this.#header.startTrim);
    // Streams of other codes are no tracks (program-tracks.ts).
    if (head) this.useConfig(OPUS.name, head);
  }
}
