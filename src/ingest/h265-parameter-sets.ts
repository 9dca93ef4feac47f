// Video, sequence and picture parameter sets of H.265 (ITU-T H.265 §7.4.2.4.2) and the hvcC made of them. A picture
// parameter set refers to a sequence parameter set, which refers to a video parameter set.

import { ReelError } from "../base/reel-error.js";
import { BitReader } from "../media/bit-reader.js";
import { buildHvcDecoderConfiguration } from "../media/codec/h265/decoder-configuration.js";
import { NAL_PPS, NAL_SPS, NAL_VPS, nalType } from "../media/codec/h265/nal.js";
import { badH265Config, parseH265Sps } from "../media/codec/h265/sps.js";
import { removeEmulationPrevention } from "../media/codec/rbsp.js";
import { MAX_SET_SIZE, type NalParameterSets, sameRange } from "./nal-parameter-sets.js";

const HEADER_BYTES = 2;
const MAX_PPS_ID = 63;
/** Both ids of a picture parameter set have at most 18 bits. */
const IDS_BYTES = 4;

interface ParameterSet {
  bytes: Uint8Array;
  /** Id of the set that it refers to; -1 for a video parameter set. */
  refersTo: number;
  /** Of a sequence parameter set. */
  reorderFrames: number;
}

type Sets = Map<number, ParameterSet>;

export class H265ParameterSets implements NalParameterSets {
  readonly mayHaveFields = false;
  readonly #inForce: readonly [Sets, Sets, Sets] = [new Map(), new Map(), new Map()];
  readonly #pending: readonly [Sets, Sets, Sets] = [new Map(), new Map(), new Map()];

  get hasChanges(): boolean {
    return this.#pending.some((sets) => sets.size > 0);
  }

  numberingOf(): undefined {
    return undefined;
  }

  get reorderFrames(): number | undefined {
    const sps = [...this.#inForce[1].values(), ...this.#pending[1].values()];
    return sps.length === 0 ? undefined : Math.max(...sps.map(({ reorderFrames }) => reorderFrames));
  }

  learn(bytes: Uint8Array, start: number, end: number): boolean {
    const type = nalType(bytes, start);
    const inForce = this.#inForce[type - NAL_VPS];
    const pending = this.#pending[type - NAL_VPS];
    if (!inForce || !pending || end - start > MAX_SET_SIZE || end - start <= HEADER_BYTES) return false;
    const [, newSps] = this.#pending;
    for (const [id, set] of inForce) {
      if (!sameRange(set.bytes, bytes, start, end)) continue;
      // A new SPS takes the picture sets that refer to it with it, so a repeat counts only where its SPS stands.
      if (type === NAL_PPS && newSps.has(set.refersTo)) break;
      pending.delete(id);
      return true;
    }
    for (const set of pending.values()) if (sameRange(set.bytes, bytes, start, end)) return false;
    this.#take(pending, bytes.slice(start, end));
    return false;
  }

  apply(): Uint8Array | undefined {
    const [vps, sps, pps] = this.#inForce;
    const [newVps, newSps, newPps] = this.#pending;
    for (const [id, set] of newVps) vps.set(id, set);
    for (const [id, set] of newSps) {
      sps.set(id, set);
      for (const [ppsId, { refersTo }] of pps) if (refersTo === id) pps.delete(ppsId);
    }
    for (const [id, set] of newPps) pps.set(id, set);
    for (const sets of this.#pending) sets.clear();
    const usedPps = sorted(pps).filter(([, { refersTo }]) => vps.has(sps.get(refersTo)?.refersTo ?? -1));
    const usedSps = sorted(sps).filter(([id]) => usedPps.some(([, { refersTo }]) => refersTo === id));
    const usedVps = sorted(vps).filter(([id]) => usedSps.some(([, { refersTo }]) => refersTo === id));
    if (usedSps.length === 0) return undefined;
    return buildHvcDecoderConfiguration(bytesOf(usedVps), bytesOf(usedSps), bytesOf(usedPps));
  }

  forget(): void {
    for (const sets of [...this.#inForce, ...this.#pending]) sets.clear();
  }

  /** A set whose ids cannot be read stays in its frame and means nothing here. */
  #take(pending: Sets, bytes: Uint8Array): void {
    try {
      const { id, ...about } = idsOf(bytes);
      pending.set(id, { bytes, ...about });
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
    }
  }
}

function idsOf(set: Uint8Array): { id: number; refersTo: number; reorderFrames: number } {
  const type = nalType(set, 0);
  if (type === NAL_SPS) {
    const { id, vpsId, reorderFrames } = parseH265Sps(set);
    return { id, refersTo: vpsId, reorderFrames };
  }
  if (type === NAL_VPS) return { id: (set[HEADER_BYTES] ?? 0) >> 4, refersTo: -1, reorderFrames: 0 };
  const bits = new BitReader(removeEmulationPrevention(set.subarray(HEADER_BYTES, HEADER_BYTES + IDS_BYTES)), () =>
    badH265Config("a picture parameter set ends too early"),
  );
  const id = bits.ue();
  const refersTo = bits.ue();
  if (id > MAX_PPS_ID) badH265Config(`pps_pic_parameter_set_id ${id}`);
  return { id, refersTo, reorderFrames: 0 };
}

function sorted(sets: Sets): [number, ParameterSet][] {
  return [...sets].sort(([a], [b]) => a - b);
}

function bytesOf(sets: [number, ParameterSet][]): Uint8Array[] {
  return sets.map(([, { bytes }]) => bytes);
}
