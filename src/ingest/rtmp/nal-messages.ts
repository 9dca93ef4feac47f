// Video messages of NAL units (H.264, H.265) of one publication on their way to access units. An access unit has a
// picture: NAL units that come in a message of their own (SEI, parameter sets: DJI and some recorders send them so)
// join the next message.
//
//   | SEI |  | SPS | PPS |  | slice … |      ─▶      one frame: | SEI | slice … |, with the time of the last message
//
// Parameter sets that repeat those in force are left out there; others are a configuration change (parameter sets may
// change in band without a new header) and take effect at the next random access point.

import { ReelError } from "../../base/reel-error.js";
import type { NalCodec, PictureFacts } from "../../media/codec/nal-codec.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { NAL_LENGTH_SIZE, readRingNalLength } from "./nal-lengths.js";

/** SEI and parameter sets of one picture have below 2 KiB. */
const MAX_KEPT_BYTES = 16 * 1024;
/** Of a header: encoders send three, and each is compared with those before it. */
const MAX_HEADER_SETS = 64;
const NOTHING = new Uint8Array(0);

export class NalMessages {
  readonly facts: PictureFacts;
  /** Of `kept`. */
  keptBytes = 0;
  /** A NAL unit reaches past the end. */
  isDamaged = false;
  /** A NAL unit without bytes: legal nowhere, harmless once removed. */
  hasEmptyNal = false;
  readonly #codec: NalCodec;
  readonly #sets: NalParameterSets;
  #kept = new Uint8Array(0);

  constructor(codec: NalCodec, sets: NalParameterSets) {
    this.#codec = codec;
    this.#sets = sets;
    this.facts = codec.createFacts();
  }

  /** What goes in front of the next picture. A view, good until the next call. */
  get kept(): Uint8Array {
    return this.keptBytes === 0 ? NOTHING : this.#kept.subarray(0, this.keptBytes);
  }

  /** Parameter sets are pending that no header has announced. */
  get hasChanges(): boolean {
    return this.#sets.hasChanges;
  }

  /** A header came, and was taken: its sets are in force. */
  useHeader(record: Uint8Array): void {
    this.#sets.forget();
    try {
      for (const set of this.#codec.parameterSetsOf(record).slice(0, MAX_HEADER_SETS))
        this.#sets.learn(set, 0, trimmedEnd(set, 0, set.byteLength));
      this.#sets.apply();
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      this.#sets.forget();
    }
  }

  /**
   * Puts the pending sets in force: the record that they make, or undefined where they are not complete. Throws
   * ReelError `badConfig`.
   */
  applyChanges(): Uint8Array | undefined {
    return this.#sets.apply();
  }

  /** Walks an access unit with 4-byte lengths, one step for each NAL unit; fills `facts`. Allocates nothing. */
  inspect(bytes: Uint8Array, start: number, end: number): void {
    const { facts } = this;
    facts.reset();
    this.isDamaged = false;
    this.hasEmptyNal = false;
    for (let at = start; at < end; ) {
      const nal = at + NAL_LENGTH_SIZE;
      const size = nal > end ? end : readRingNalLength(bytes, at);
      if (size > end - nal) {
        this.isDamaged = true;
        return;
      }
      at = nal + size;
      if (size === 0) this.hasEmptyNal = true;
      else facts.take(bytes, nal, at);
    }
    if (facts.hasParameterSet) this.#learnSets(bytes, start, end);
  }

  /**
   * Keeps the NAL units of a message without a picture. False where they are too many. The lengths have been checked.
   */
  keep(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; ) {
      const nal = at + NAL_LENGTH_SIZE;
      const next = nal + readRingNalLength(bytes, at);
      if (next > nal && this.#isWanted(bytes, nal, next)) {
        const wanted = this.keptBytes + next - at;
        if (wanted > MAX_KEPT_BYTES) return false;
        this.#makeRoom(wanted);
        this.#kept.set(bytes.subarray(at, next), this.keptBytes);
        this.keptBytes = wanted;
      }
      at = next;
    }
    return true;
  }

  /** What was kept has gone into a frame, or is given up. */
  clearKept(): void {
    this.keptBytes = 0;
  }

  /** A delimiter is the first of an access unit: one behind the `keptBytes` at `start` changes places with them. */
  putDelimiterFirst(bytes: Uint8Array, start: number, keptBytes: number, end: number): void {
    const at = start + keptBytes;
    const nal = at + NAL_LENGTH_SIZE;
    if (nal >= end || !this.#codec.isDelimiter(bytes, nal)) return;
    const delimiter = new Uint8Array(bytes.subarray(at, nal + readRingNalLength(bytes, at)));
    bytes.copyWithin(start + delimiter.byteLength, start, at);
    bytes.set(delimiter, start);
  }

  #learnSets(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const nal = at + NAL_LENGTH_SIZE;
      const next = nal + readRingNalLength(bytes, at);
      if (nal < next && this.#codec.isParameterSet(bytes, nal))
        this.#sets.learn(bytes, nal, trimmedEnd(bytes, nal, next));
      at = next;
    }
  }

  #isWanted(bytes: Uint8Array, nal: number, end: number): boolean {
    const codec = this.#codec;
    if (codec.isLeftOut(bytes, nal)) return false;
    return !codec.isParameterSet(bytes, nal) || !this.#sets.learn(bytes, nal, trimmedEnd(bytes, nal, end));
  }

  #makeRoom(sizeBytes: number): void {
    if (this.#kept.byteLength >= sizeBytes) return;
    const grown = new Uint8Array(Math.max(1024, 2 * sizeBytes));
    grown.set(this.#kept);
    this.#kept = grown;
  }
}

/** Some encoders leave the zeros of Annex B behind a parameter set: they are no part of it. */
function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end;
  while (at > start && bytes[at - 1] === 0) at--;
  return at;
}
