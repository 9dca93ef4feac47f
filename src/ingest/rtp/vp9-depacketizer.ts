// VP9, RFC 9628: a descriptor in front of a piece of a frame. Of a stream with several spatial layers the lowest is
// recorded, which can be decoded alone.
//
//   | I P L F B E V Z | picture id 1 or 2 | T 3 U S 3 D | TL0PICIDX | P_DIFF N … | scalability structure | a piece |

import { vp9ConfigurationOf } from "../../media/codec/vp9/configuration.js";
import { vp9KeyFrameSize } from "../../media/codec/vp9/frame-header.js";
import { VP9 } from "../../media/codec/vp9/vp9.js";
import { CodedPictures } from "./coded-pictures.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";

const HAS_PICTURE_ID = 0x80;
const IS_PREDICTED = 0x40;
const HAS_LAYERS = 0x20;
const IS_FLEXIBLE = 0x10;
const BEGINS_FRAME = 0x08;
const ENDS_FRAME = 0x04;
const HAS_STRUCTURE = 0x02;
const MAX_DIFFERENCES = 3;

export class Vp9Depacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #pictures: CodedPictures;
  #timestamp = Number.NaN;
  /** A frame is under way. */
  #isOpen = false;
  #spatialLayer = 0;
  #config: Uint8Array = new Uint8Array(0);

  constructor(context: DepacketizerContext) {
    this.#context = context;
    this.#pictures = new CodedPictures(VP9.name, context);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const payload = this.#readDescriptor(packet, start, end);
    if (payload < 0) {
      if (start < end) this.#context.statistics.badPackets++;
      return;
    }
    if (this.#spatialLayer > 0) {
      this.#context.note("of VP9 with several spatial layers the lowest is recorded");
      return;
    }
    const flags = packet[start] as number;
    if ((flags & BEGINS_FRAME) !== 0) {
      if (this.#isOpen) this.#damage();
      this.#isOpen = true;
      this.#timestamp = timestamp;
    } else if (!this.#isOpen || timestamp !== this.#timestamp) {
      // Its front is missing.
      if (this.#isOpen || timestamp !== this.#timestamp) this.#damage();
      this.#timestamp = timestamp;
      return;
    }
    if (!this.#pictures.append(packet, payload, end)) this.#isOpen = false;
    else if ((flags & ENDS_FRAME) !== 0) this.#finish();
  }

  lose(_packets: number, bytes: number): void {
    if (this.#isOpen) this.#damage();
    this.#pictures.lose(0, bytes);
  }

  end(): void {
    if (this.#isOpen) this.#damage();
    this.#pictures.end();
  }

  free(): void {
    this.#pictures.free();
  }

  #damage(): void {
    this.#isOpen = false;
    if (this.#pictures.scratch.end > 0) this.#pictures.damage();
    else {
      this.#context.statistics.damagedFrames++;
      this.#pictures.lose(1, 0);
    }
  }

  #finish(): void {
    this.#isOpen = false;
    const { scratch } = this.#pictures;
    const isKey = vp9KeyFrameSize(scratch.bytes, 0, scratch.end) !== undefined;
    if (isKey) this.#useConfig(scratch.bytes, scratch.end);
    this.#pictures.finish(scratch.end, this.#timestamp, isKey);
  }

  #useConfig(bytes: Uint8Array, end: number): void {
    const config = vp9ConfigurationOf(bytes, 0, end);
    if (!config) return;
    let isSame = config.byteLength === this.#config.byteLength;
    for (let i = 0; isSame && i < config.byteLength; i++) isSame = config[i] === this.#config[i];
    if (isSame) return;
    this.#config = config;
    this.#pictures.useConfig(config);
  }

  /** Where the piece begins; -1 where the descriptor does not fit. */
  #readDescriptor(packet: Uint8Array, start: number, end: number): number {
    if (start >= end) return -1;
    const flags = packet[start] as number;
    let at = start + 1;
    this.#spatialLayer = 0;
    if ((flags & HAS_PICTURE_ID) !== 0) at += at < end && (packet[at] as number) >= 0x80 ? 2 : 1;
    if ((flags & HAS_LAYERS) !== 0) {
      if (at >= end) return -1;
      this.#spatialLayer = ((packet[at] as number) >> 1) & 7;
      at += (flags & IS_FLEXIBLE) !== 0 ? 1 : 2; // TL0PICIDX
    }
    if ((flags & IS_FLEXIBLE) !== 0 && (flags & IS_PREDICTED) !== 0) {
      for (let i = 0; ; i++) {
        if (i === MAX_DIFFERENCES || at >= end) return -1;
        if (((packet[at++] as number) & 1) === 0) break; // N
      }
    }
    if ((flags & HAS_STRUCTURE) !== 0) at = structureEnd(packet, at, end);
    return at >= 0 && at < end ? at : -1;
  }
}

/** | N_S 3 Y G 0 3 | (width u16, height u16) … | N_G | T 3 U R 2 0 2 | P_DIFF … |; -1 where it does not fit. */
function structureEnd(packet: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  const head = packet[start] as number;
  let at = start + 1;
  if ((head & 0x10) !== 0) at += 4 * ((head >> 5) + 1);
  if ((head & 0x08) === 0) return at;
  if (at >= end) return -1;
  const pictures = packet[at++] as number;
  for (let i = 0; i < pictures; i++) {
    if (at >= end) return -1;
    at += 1 + (((packet[at] as number) >> 2) & 3);
  }
  return at;
}
