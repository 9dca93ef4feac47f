// G.711, RFC 3551 §4.5.14: each payload is any number of samples, a byte each, channels interleaved.

import { pcmBlockBytes, pcmConfig } from "../../media/codec/pcm/pcm-config.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import type { RtpMedia } from "./rtp-media.js";
import { SoundFrames } from "./sound-frames.js";

export function whyNoG711({ clockRate, channels }: RtpMedia): string | undefined {
  if (channels <= 2 && clockRate <= 65_535) return undefined;
  return `G.711 of ${channels} channels at ${clockRate} Hz`;
}

export class G711Depacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #frames: SoundFrames;
  readonly #blockBytes: number;

  constructor(codec: "pcma" | "pcmu", context: DepacketizerContext) {
    this.#context = context;
    this.#frames = new SoundFrames(codec, context);
    const { clockRate, channels } = context.media;
    const config = pcmConfig(clockRate, channels || 1, 8);
    this.#blockBytes = pcmBlockBytes(config);
    this.#frames.useConfig(config);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const samples = Math.floor((end - start) / this.#blockBytes);
    if (samples * this.#blockBytes !== end - start) this.#context.statistics.badPackets++;
    this.#frames.frame(packet, start, start + samples * this.#blockBytes, timestamp, samples);
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
