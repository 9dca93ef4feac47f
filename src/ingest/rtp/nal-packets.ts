// NAL units that come in packets, whole or in pieces, on their way to access units (H.264: RFC 6184, H.265: RFC 7798).
//
// A picture is complete where a NAL unit begins the next access unit, or where the timestamp changes behind a slice.
// The marker bit is not asked: cameras set it on every NAL unit, on parameter sets, or never. It only says whether what
// came before a loss, or before the end, was whole. NAL units in front of a slice belong to the picture of that slice
// and have its time, whatever timestamp they came with (cameras send parameter sets with that of the picture before).

import type { NalCodec } from "../../media/codec/nal-codec.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { NalPictures } from "../nal-pictures.js";
import type { DepacketizerContext } from "./depacketizer.js";
import { PacketScratch } from "./packet-scratch.js";
import { RtpPictureTimes } from "./rtp-picture-times.js";

const START_CODE = Buffer.of(0, 0, 1);
/** SEI and parameter sets of one picture have below 2 KiB. */
const MAX_BYTES_BEFORE_SLICE = 256 * 1024;

export class NalPackets {
  readonly #codec: NalCodec;
  readonly #context: DepacketizerContext;
  readonly #scratch: PacketScratch;
  readonly #times: RtpPictureTimes;
  readonly #pictures: NalPictures;
  /** Where the access unit under way begins. */
  #unitStart = 0;
  #hasPicture = false;
  #timestamp = Number.NaN;
  /** Of the NAL unit that is being put together; -1 = none. */
  #nalStart = -1;
  /** We may have come in the middle of a picture: what does not begin one is none of ours. */
  #isJoining = true;
  /** A slice whose front was lost is passed over, up to the next access unit. */
  #isDamaged = false;
  #damagedTimestamp = Number.NaN;
  /** Of the NAL unit that began last. */
  #nalTimestamp = Number.NaN;
  #isLastMarked = false;
  #hasMarkers = false;
  /** A camera that puts start codes into its NAL units was met. */
  #hasStartCodes = false;

  constructor(codec: NalCodec, sets: NalParameterSets, context: DepacketizerContext) {
    const { time, sink, statistics, maxAccessUnitBytes } = context;
    this.#codec = codec;
    this.#context = context;
    this.#scratch = new PacketScratch(context.arena, context.budget);
    this.#times = new RtpPictureTimes(time, sets);
    this.#pictures = new NalPictures({
      codec,
      sets,
      times: this.#times,
      scratch: this.#scratch,
      sink,
      statistics,
      maxAccessUnitBytes,
      resumesAtRandomAccess: true,
    });
  }

  /** NAL units, each behind its size (u16): STAP-A of RFC 6184 §5.7.1, an aggregation packet of RFC 7798 §4.4.2. */
  aggregate(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    let at = start;
    while (at + 2 <= end) {
      const size = ((packet[at] as number) << 8) | (packet[at + 1] as number);
      at += 2;
      if (size > end - at) break;
      if (size > 0) this.whole(packet, at, at + size, timestamp);
      at += size;
    }
    if (at !== end) this.#context.statistics.badPackets++;
  }

  /** A whole NAL unit. */
  whole(packet: Uint8Array, start: number, end: number, timestamp: number): void {
    const from = startCodeEnd(packet, start, end);
    if (from !== start) this.#noteStartCodes();
    if (from >= end) return;
    this.begin(timestamp);
    this.append(packet, from, end);
    this.finish(timestamp);
  }

  /** A NAL unit begins whose bytes follow by `append` or `appendByte`; one that has no end ends here. */
  begin(timestamp: number): void {
    if (this.#nalStart >= 0) this.finish(this.#nalTimestamp);
    this.#nalTimestamp = timestamp;
    if (this.#hasPicture && timestamp !== this.#timestamp) this.#finishUnit(this.#scratch.end);
    this.#discardFinished();
    this.#nalStart = this.#scratch.end;
  }

  append(packet: Uint8Array, start: number, end: number): void {
    this.#scratch.append(packet, start, end);
    if (this.#scratch.end - this.#unitStart > this.#context.maxAccessUnitBytes) this.#giveUpOversize();
  }

  appendByte(byte: number): void {
    this.#scratch.appendByte(byte);
  }

  get isOpen(): boolean {
    return this.#nalStart >= 0;
  }

  /** The NAL unit that began is complete. */
  finish(timestamp: number): void {
    const start = this.#nalStart;
    if (start < 0) return;
    this.#nalStart = -1;
    const end = this.#scratch.end;
    if (end - start < this.#codec.headerBytes) {
      this.#context.statistics.badPackets++;
      this.#scratch.end = start;
      return;
    }
    if (this.#hasStartCodes || !this.#codec.isSlice(this.#scratch.bytes, start)) this.#splitAndAdd(start, timestamp);
    else this.#add(start, end, timestamp);
    this.#discardFinished();
  }

  /** The rest of a NAL unit whose front was lost, and the header that it would have. */
  passOver(header: Uint8Array, bytes: number, timestamp: number): void {
    if (this.#isJoining) return;
    if (!this.#isDamaged) {
      // Without a loss in front the packet contradicts those before it.
      this.#context.statistics.badPackets++;
      return;
    }
    if (this.#codec.isSlice(header, 0)) this.#countDamaged(bytes, timestamp, this.#scratch.end);
    else this.#pictures.lose(0, bytes);
    this.#discardFinished();
  }

  /** The last payload of a packet was taken. */
  endPacket(isMarked: boolean): void {
    this.#isLastMarked = isMarked;
    if (isMarked && this.#hasPicture) this.#hasMarkers = true;
  }

  lose(bytes: number): void {
    if (this.#isJoining) this.#dropUnit();
    const isWhole = this.#nalStart < 0 && this.#hasPicture && this.#isLastMarked;
    if (isWhole) this.#finishUnit(this.#scratch.end);
    else if (this.#hasPicture || this.#nalStart >= 0) this.#damage();
    this.#isDamaged = true;
    this.#discardFinished();
    this.#pictures.lose(0, bytes);
  }

  end(): void {
    const isWhole = this.#nalStart < 0 && (this.#isLastMarked || !this.#hasMarkers);
    if (this.#hasPicture && isWhole) this.#finishUnit(this.#scratch.end);
    else if (this.#hasPicture) this.#damage();
    this.#pictures.emitHeld();
    this.#pictures.reportLoss(Number.NaN);
  }

  free(): void {
    this.#scratch.free();
  }

  /** Start codes in a NAL unit part it: a camera sends several as one. */
  #splitAndAdd(start: number, timestamp: number): void {
    const scratch = this.#scratch;
    let from = start;
    for (;;) {
      const code = scratch.nextStartCode(from);
      if (code + START_CODE.length >= scratch.end) break;
      this.#noteStartCodes();
      this.#add(from, code, timestamp);
      from = code + START_CODE.length;
    }
    this.#add(from, scratch.end, timestamp);
  }

  #add(start: number, end: number, timestamp: number): void {
    const codec = this.#codec;
    const { bytes } = this.#scratch;
    if (end - start < codec.headerBytes) return;
    const begins = codec.beginsAccessUnit(bytes, start);
    const isSlice = codec.isSlice(bytes, start);
    if ((this.#isDamaged || this.#isJoining) && isSlice && !begins) {
      if (this.#isJoining) this.#dropUnit(end);
      else this.#countDamaged(end - start, timestamp, end);
      return;
    }
    if (begins) {
      this.#isDamaged = false;
      this.#isJoining = false;
    }
    if (this.#hasPicture && begins) this.#finishUnit(start);
    if (isSlice && !this.#hasPicture) {
      this.#hasPicture = true;
      this.#timestamp = timestamp;
      this.#times.mark(this.#unitStart, timestamp);
    }
    this.#pictures.addNal(start, end);
    if (!this.#hasPicture && end - this.#unitStart > MAX_BYTES_BEFORE_SLICE) this.#dropUnit(end);
  }

  /** `end`: behind what is passed over. */
  #countDamaged(bytes: number, timestamp: number, end: number): void {
    const isAnother = timestamp !== this.#damagedTimestamp;
    this.#damagedTimestamp = timestamp;
    if (isAnother) this.#context.statistics.damagedFrames++;
    this.#pictures.lose(isAnother ? 1 : 0, bytes);
    // Of the scratch nothing is kept but what a field holds.
    if (this.#nalStart < 0 && !this.#hasPicture) this.#dropUnit(end);
  }

  /** The access unit under way ends at `end`. */
  #finishUnit(end: number): void {
    this.#pictures.finishUnit(this.#unitStart);
    this.#hasPicture = false;
    this.#unitStart = end;
  }

  /** What is left of the scratch moves to the front: once for a NAL unit, however many pictures it held. */
  #discardFinished(): void {
    const { isHolding, heldStart } = this.#pictures;
    const keep = isHolding ? heldStart : this.#unitStart;
    if (keep === 0) return;
    if (keep >= this.#scratch.end) {
      this.#scratch.reset();
      this.#unitStart = 0;
      return;
    }
    this.#scratch.discardBefore(keep);
    this.#times.shift(keep);
    this.#pictures.shift(keep);
    this.#unitStart -= keep;
  }

  /** The access unit under way is incomplete. Where no slice of it has come its picture may still be whole. */
  #damage(): void {
    const isFrame = this.#hasPicture || this.#codec.isSlice(this.#scratch.bytes, this.#nalStart);
    if (isFrame) {
      this.#context.statistics.damagedFrames++;
      this.#damagedTimestamp = this.#nalTimestamp;
    }
    const bytes = this.#scratch.end - this.#unitStart;
    this.#dropUnit();
    this.#pictures.lose(isFrame ? 1 : 0, bytes);
  }

  /** What came of the access unit under way, up to `end`, is forgotten; a field that was held is a frame. */
  #dropUnit(end = this.#scratch.end): void {
    this.#pictures.dropUnit();
    this.#pictures.emitHeld();
    this.#unitStart = end;
    this.#nalStart = -1;
    this.#hasPicture = false;
  }

  #giveUpOversize(): void {
    this.#context.statistics.oversizeFrames++;
    const bytes = this.#scratch.end - this.#unitStart;
    this.#dropUnit();
    this.#pictures.lose(1, bytes);
    this.#damagedTimestamp = this.#nalTimestamp;
    this.#isDamaged = true;
    this.#discardFinished();
  }

  #noteStartCodes(): void {
    this.#hasStartCodes = true;
    this.#context.note("NAL units with start codes inside were parted there");
  }
}

export function hasStartCode(bytes: Uint8Array, start: number, end: number): boolean {
  return startCodeEnd(bytes, start, end) !== start;
}

/** Behind a start code that stands in front. */
function startCodeEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === 0) at++;
  return at - start >= 2 && at < end && bytes[at] === 1 ? at + 1 : start;
}
