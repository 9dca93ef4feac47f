// AV1 ("RTP Payload Format For AV1" of the Alliance for Open Media, §4.4): OBU elements, and OBUs in pieces.
//
//   | Z Y W 2 N 0 3 | (length leb128) OBU element | … | OBU element, without a length where W counts them |
//
// Z: the first element continues the last one of the packet before. Y: the last one goes on in the next packet. OBUs
// come without their sizes and get them here; a temporal unit is what has one timestamp.

import { ReelError } from "../../base/reel-error.js";
import { AV1 } from "../../media/codec/av1/av1.js";
import { buildAv1Configuration, parseAv1Configuration } from "../../media/codec/av1/decoder-configuration.js";
import { ObuCursor } from "../../media/codec/av1/obu.js";
import { TemporalUnit } from "../../media/codec/av1/temporal-unit.js";
import { CodedPictures } from "./coded-pictures.js";
import type { Depacketizer, DepacketizerContext } from "./depacketizer.js";
import { PacketScratch } from "./packet-scratch.js";

const HAS_SIZE = 2;
/** No sequence header has more. */
const MAX_SEQUENCE_HEADER = 4096;
const LEB128_BYTES = 8;

export class Av1Depacketizer implements Depacketizer {
  readonly #context: DepacketizerContext;
  readonly #pictures: CodedPictures;
  /** An OBU that comes in several packets. */
  readonly #pieces: PacketScratch;
  readonly #unit = new TemporalUnit();
  readonly #obu = new ObuCursor();
  #timestamp = Number.NaN;
  /** The rest of this temporal unit is passed over: a part of it is missing. */
  #damagedTimestamp = Number.NaN;
  #sequenceHeader = new Uint8Array(0);
  #isReducedStillPicture = false;
  // The element that was found last.
  #from = 0;
  #to = 0;

  constructor(context: DepacketizerContext) {
    this.#context = context;
    this.#pictures = new CodedPictures(AV1.name, context);
    this.#pieces = new PacketScratch(context.arena, context.budget);
  }

  take(packet: Uint8Array, start: number, end: number, timestamp: number, isMarked: boolean): void {
    if (timestamp !== this.#timestamp) this.#finishUnit();
    this.#timestamp = timestamp;
    if (end - start < 2) {
      if (start < end) this.#context.statistics.badPackets++;
    } else if (timestamp !== this.#damagedTimestamp) this.#takeElements(packet, start, end);
    if (isMarked) this.#finishUnit();
  }

  lose(_packets: number, bytes: number): void {
    if (this.#isUnderWay) this.#damage();
    this.#pictures.lose(0, bytes);
  }

  end(): void {
    if (this.#isUnderWay) this.#damage();
    this.#pictures.end();
  }

  free(): void {
    this.#pieces.free();
    this.#pictures.free();
  }

  get #isUnderWay(): boolean {
    return this.#pictures.scratch.end > 0 || this.#pieces.end > 0;
  }

  #takeElements(packet: Uint8Array, start: number, end: number): void {
    const header = packet[start] as number;
    const count = (header >> 4) & 3;
    const isContinued = (header & 0x80) !== 0;
    const goesOn = (header & 0x40) !== 0;
    // A piece whose front is missing.
    if (isContinued !== this.#pieces.end > 0) {
      if (!isContinued) this.#context.statistics.badPackets++;
      this.#damage();
      if (isContinued) return;
    }
    let at = start + 1;
    for (let i = 1; at < end; i++) {
      const isLengthless = count > 0 && i === count;
      if (!this.#findElement(packet, at, end, isLengthless)) {
        this.#context.statistics.badPackets++;
        this.#damage();
        return;
      }
      at = this.#to;
      const isLast = isLengthless || at >= end;
      if (!this.#takeElement(packet, i === 1 && isContinued, isLast && goesOn)) return;
      if (isLengthless) break;
    }
  }

  /** Sets `from` and `to`. False where the length does not fit. */
  #findElement(packet: Uint8Array, start: number, end: number, isLengthless: boolean): boolean {
    let at = start;
    let size = isLengthless ? end - start : 0;
    if (!isLengthless)
      for (let i = 0; ; i++) {
        if (i === LEB128_BYTES || at >= end) return false;
        const byte = packet[at++] as number;
        size += (byte & 127) * 2 ** (7 * i);
        if ((byte & 128) === 0) break;
      }
    this.#from = at;
    this.#to = at + size;
    return size > 0 && size <= end - at;
  }

  /** False where the temporal unit was given up. */
  #takeElement(packet: Uint8Array, isContinued: boolean, goesOn: boolean): boolean {
    const { maxAccessUnitBytes, statistics } = this.#context;
    const pieces = this.#pieces;
    if (!isContinued && !goesOn) return this.#addObu(packet, this.#from, this.#to);
    pieces.append(packet, this.#from, this.#to);
    if (pieces.end > maxAccessUnitBytes) {
      statistics.oversizeFrames++;
      this.#damage();
      return false;
    }
    if (goesOn) return true;
    const isTaken = this.#addObu(pieces.bytes, 0, pieces.end);
    pieces.reset();
    return isTaken;
  }

  /** An OBU, with or without its size, goes into the temporal unit with it. */
  #addObu(bytes: Uint8Array, start: number, end: number): boolean {
    const obu = this.#obu;
    obu.begin(bytes, start, end);
    if (!obu.advance()) {
      this.#context.statistics.badPackets++;
      this.#damage();
      return false;
    }
    const { at, payload, next } = obu;
    const { scratch } = this.#pictures;
    const header = bytes[at] as number;
    scratch.appendByte(header | HAS_SIZE);
    if ((header & 4) !== 0) scratch.appendByte(bytes[at + 1] as number);
    let size = next - payload;
    for (; size > 127; size >>= 7) scratch.appendByte((size & 127) | 128);
    scratch.appendByte(size);
    return this.#pictures.append(bytes, payload, next);
  }

  #damage(): void {
    this.#damagedTimestamp = this.#timestamp;
    this.#pieces.reset();
    if (this.#pictures.scratch.end > 0) this.#pictures.damage();
    else {
      this.#context.statistics.damagedFrames++;
      this.#pictures.lose(1, 0);
    }
  }

  #finishUnit(): void {
    if (this.#pieces.end > 0) this.#damage();
    const { scratch } = this.#pictures;
    if (scratch.end === 0) return;
    const unit = this.#unit;
    unit.inspect(scratch.bytes, 0, scratch.end, this.#isReducedStillPicture);
    if (unit.isKey && unit.sequenceEnd > 0)
      this.#useSequenceHeader(scratch.bytes, unit.sequenceStart, unit.sequenceEnd);
    const sizeBytes = unit.hasLeftOut ? unit.removeLeftOut(scratch.bytes, 0, scratch.end) : scratch.end;
    this.#pictures.finish(unit.hasFrame ? sizeBytes : 0, this.#timestamp, unit.isKey);
  }

  #useSequenceHeader(bytes: Uint8Array, start: number, end: number): void {
    const inForce = this.#sequenceHeader;
    let isSame = inForce.byteLength === end - start;
    for (let i = 0; isSame && i < inForce.byteLength; i++) isSame = inForce[i] === bytes[start + i];
    if (isSame || end - start > MAX_SEQUENCE_HEADER) return;
    const sequenceHeader = bytes.slice(start, end);
    try {
      const record = buildAv1Configuration(sequenceHeader);
      this.#isReducedStillPicture = parseAv1Configuration(record).isReducedStillPicture;
      this.#pictures.useConfig(record);
      this.#sequenceHeader = sequenceHeader;
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#context.statistics.badConfigs++;
      this.#context.note(error.message);
    }
  }
}
