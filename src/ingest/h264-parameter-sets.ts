// Parameter sets that come in band (ITU-T H.264 §7.4.1.2.1) and the avcC made of them. A repeat changes nothing.
// Changed sets take effect at the next random access point, where a recording can cut; until then they stay in the
// frames that brought them.

import { ReelError } from "../base/reel-error.js";
import { buildAvcDecoderConfiguration, parseSps, type SpsFields } from "../media/codec/h264/decoder-configuration.js";
import type { FrameNumbering } from "../media/codec/nal-codec.js";
import { MAX_SET_SIZE, type NalParameterSets, sameRange } from "./nal-parameter-sets.js";

const NAL_SPS = 7;
const NAL_PPS = 8;
const MAX_SPS_ID = 31;
const MAX_PPS_ID = 255;
/** Offset of seq_parameter_set_id: behind the NAL header, profile_idc, constraint flags and level_idc. */
const SPS_ID_OFFSET = 4;

interface PictureSet {
  bytes: Uint8Array;
  spsId: number;
}

/** ue(v) at a bit offset; reads at most 17 bits. Sets `nextBit`. -1 where it is longer or reaches past the end. */
let nextBit = 0;
function ueAt(bytes: Uint8Array, firstBit: number, end: number): number {
  const bit = (at: number): number => (at >> 3 < end ? ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1 : -1);
  let at = firstBit;
  let zeros = 0;
  while (bit(at) === 0) {
    at++;
    if (++zeros > 8) return -1;
  }
  let value = 0;
  for (let i = 0; i <= zeros; i++, at++) {
    const b = bit(at);
    if (b < 0) return -1;
    value = value * 2 + b;
  }
  nextBit = at;
  return value - 1;
}

export class H264ParameterSets implements NalParameterSets {
  #sps = new Map<number, Uint8Array>();
  #pps = new Map<number, PictureSet>();
  #newSps = new Map<number, Uint8Array>();
  #newPps = new Map<number, PictureSet>();
  /** By SPS, of the newest one of each id; none where it cannot be parsed. */
  #numberings = new Map<number, SpsFields>();
  /** Fields may be coded as pictures of their own. */
  mayHaveFields = false;
  /** Asked for with every picture. */
  reorderFrames: number | undefined;

  /** Sets have arrived that `apply` has not yet taken over. */
  get hasChanges(): boolean {
    return this.#newSps.size > 0 || this.#newPps.size > 0;
  }

  /** Looks at a parameter set. True where it repeats what is in force. Allocates only for a new one. */
  learn(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start > MAX_SET_SIZE || end - start < 2) return false;
    const type = (bytes[start] ?? 0) & 31;
    if (type === NAL_SPS) return this.#learnSps(bytes, start, end);
    return type === NAL_PPS && this.#learnPps(bytes, start, end);
  }

  #learnSps(bytes: Uint8Array, start: number, end: number): boolean {
    const id = ueAt(bytes, (start + SPS_ID_OFFSET) * 8, end);
    if (id < 0 || id > MAX_SPS_ID) return false;
    const known = this.#sps.get(id);
    if (known && sameRange(known, bytes, start, end)) {
      this.#newSps.delete(id);
      return true;
    }
    const pending = this.#newSps.get(id);
    if (!pending || !sameRange(pending, bytes, start, end)) {
      const set = bytes.slice(start, end);
      this.#newSps.set(id, set);
      this.#learnNumbering(id, set);
    }
    return false;
  }

  #learnNumbering(spsId: number, set: Uint8Array): void {
    this.#numberings.delete(spsId);
    try {
      this.#numberings.set(spsId, parseSps(set));
    } catch (error) {
      if (!(error instanceof ReelError)) throw error; // `apply` will refuse it
    }
    const numberings = [...this.#numberings.values()];
    this.mayHaveFields = numberings.some((numbering) => !numbering.frameMbsOnly);
    this.reorderFrames = mostReorderFrames(numberings);
  }

  /** How the pictures of a PPS are numbered; a PPS that has not been seen yet goes with the only SPS. */
  readonly numberingOf = (ppsId: number): FrameNumbering | undefined => {
    const set = this.#newPps.get(ppsId) ?? this.#pps.get(ppsId);
    if (set) return this.#numberings.get(set.spsId);
    return this.#numberings.size === 1 ? this.#numberings.values().next().value : undefined;
  };

  #learnPps(bytes: Uint8Array, start: number, end: number): boolean {
    const id = ueAt(bytes, (start + 1) * 8, end);
    if (id < 0 || id > MAX_PPS_ID) return false;
    const spsId = ueAt(bytes, nextBit, end);
    if (spsId < 0 || spsId > MAX_SPS_ID) return false;
    const known = this.#pps.get(id);
    // A new SPS takes the pictures sets that refer to it with it, so a repeat counts only where its SPS stands.
    if (known && sameRange(known.bytes, bytes, start, end) && !this.#newSps.has(spsId)) {
      this.#newPps.delete(id);
      return true;
    }
    const pending = this.#newPps.get(id);
    if (!pending || !sameRange(pending.bytes, bytes, start, end))
      this.#newPps.set(id, { bytes: bytes.slice(start, end), spsId });
    return false;
  }

  /**
   * Puts the new sets in force and answers the avcC, or undefined where no pair of SPS and PPS is complete. Throws
   * ReelError `badConfig`.
   */
  apply(): Uint8Array | undefined {
    for (const [id, bytes] of this.#newSps) {
      this.#sps.set(id, bytes);
      for (const [ppsId, set] of this.#pps) if (set.spsId === id) this.#pps.delete(ppsId);
    }
    for (const [id, set] of this.#newPps) this.#pps.set(id, set);
    this.#newSps.clear();
    this.#newPps.clear();
    const byId = <T>([a]: [number, T], [b]: [number, T]): number => a - b;
    const pps = [...this.#pps]
      .sort(byId)
      .map(([, set]) => set)
      .filter((set) => this.#sps.has(set.spsId));
    const sps = [...this.#sps]
      .sort(byId)
      .filter(([id]) => pps.some((set) => set.spsId === id))
      .map(([, bytes]) => bytes);
    if (sps.length === 0) return undefined;
    // The avcC counts 5 bits of SPS; its PPS count has 8.
    return buildAvcDecoderConfiguration(
      sps.slice(0, 31),
      pps.slice(0, 255).map((set) => set.bytes),
    );
  }

  /** Forgets what is in force, so that the next sets count as new. */
  forget(): void {
    for (const map of [this.#sps, this.#pps, this.#newSps, this.#newPps, this.#numberings]) map.clear();
    this.mayHaveFields = false;
    this.reorderFrames = undefined;
  }
}

function mostReorderFrames(numberings: readonly SpsFields[]): number | undefined {
  let most: number | undefined;
  for (const { reorderFrames } of numberings) {
    if (reorderFrames === undefined) return undefined;
    most = Math.max(most ?? 0, reorderFrames);
  }
  return most;
}
