// Whether an access unit is one whole picture, ITU-T H.264 §7.3.3, §7.4.1.2.4: its first slice begins with the first
// macroblock, no other one does (but of the second field), and the parameter sets that it names are those of the file.
// Nothing is decoded. Where the first picture of a track makes no sense by these rules none is judged: what the track
// holds is then not what its header says, and that is for decoders to tell.

import { type AvcConfig, parseSps } from "../media/codec/h264/decoder-configuration.js";
import type { VideoConfig } from "../media/codec/video-config.js";
import { NalBits } from "./nal-bits.js";
import type { PictureCheck } from "./picture-check.js";

const NAL_SLICE = 1;
const NAL_IDR = 5;
const NAL_SPS = 7;
const NAL_PPS = 8;
const MAX_HEADER_BYTES = 24;
/** Baseline and Extended allow slices in any order (§A.2.1, §A.2.3). */
const ANY_ORDER_PROFILES: ReadonlySet<number> = new Set([66, 88]);

interface SpsFacts {
  bytes: Uint8Array;
  profile: number;
  frameMbsOnly: boolean;
  frameNumBits: number;
  separatePlanes: boolean;
}

interface PpsFacts {
  bytes: Uint8Array;
  spsId: number;
}

interface SliceHead {
  firstMacroblock: number;
  ppsId: number;
  /** 0 a frame, 1 its top field, 2 its bottom field; -1 unknown. */
  structure: number;
}

export class H264SliceCheck implements PictureCheck {
  readonly judgesLeading = true;
  #sps = new Map<number, SpsFacts>();
  #pps = new Map<number, PpsFacts>();
  #isJudging: boolean | undefined;
  /** Of the access unit. */
  #slices = 0;
  #pictures: number[] = [];
  #complaint: string | undefined;
  #hasForeignSets = false;

  useHeader(config: VideoConfig): void {
    if (!isAvc(config)) return;
    this.#sps.clear();
    this.#pps.clear();
    for (const set of [...config.sps, ...config.pps]) this.learn(set);
  }

  /** A set that is in force from here on. */
  learn(nal: Uint8Array): void {
    try {
      const type = (nal[0] ?? 0) & 31;
      const bits = new NalBits(nal.subarray(1, 1 + 4 * MAX_HEADER_BYTES));
      if (type === NAL_SPS) {
        bits.skip(24);
        const { profile, frameMbsOnly, frameNumBits, separatePlanes } = parseSps(nal);
        this.#sps.set(bits.ue(), { bytes: nal.slice(), profile, frameMbsOnly, frameNumBits, separatePlanes });
      } else if (type === NAL_PPS) this.#pps.set(bits.ue(), { bytes: nal.slice(), spsId: bits.ue() });
    } catch {
      // A set that cannot be read is not known, and pictures that name it say so.
    }
  }

  begin(): void {
    this.#slices = 0;
    this.#pictures = [];
    this.#complaint = undefined;
    this.#hasForeignSets = false;
  }

  take(nal: Uint8Array, sizeBytes: number, isInHeader: boolean): void {
    const type = (nal[0] ?? 0) & 31;
    if (type === NAL_SLICE || type === NAL_IDR) this.#takeSlice(nal);
    else if (type !== NAL_SPS && type !== NAL_PPS) return;
    else if (isInHeader) this.#compare(nal, sizeBytes, type);
    else this.learn(nal);
  }

  end(): string | undefined {
    if (this.#slices === 0) return undefined;
    this.#isJudging ??= this.#complaint === undefined && this.#pictures.length === 1;
    if (!this.#isJudging) return undefined;
    if (this.#complaint !== undefined) return this.#complaint;
    if (this.#hasForeignSets) return "carries parameter sets that are not those of the file's header";
    const [first, second, ...more] = this.#pictures;
    const isFieldPair = second === undefined || (first !== 0 && second !== 0 && first !== second);
    return isFieldPair && more.length === 0 ? undefined : `holds ${this.#pictures.length} pictures`;
  }

  #takeSlice(nal: Uint8Array): void {
    const slice = this.#readHead(nal);
    const isFirst = this.#slices++ === 0;
    if (!slice) {
      this.#complaint ??= "has a slice header that cannot be read";
      return;
    }
    const pps = this.#pps.get(slice.ppsId);
    const sps = pps && this.#sps.get(pps.spsId);
    if (!sps) this.#complaint ??= `refers to picture parameter set ${slice.ppsId}, which the file does not have`;
    else if (slice.firstMacroblock === 0) this.#pictures.push(slice.structure);
    else if (isFirst && !ANY_ORDER_PROFILES.has(sps.profile))
      this.#complaint = `begins with macroblock ${slice.firstMacroblock}: it is a part of a picture`;
  }

  #readHead(nal: Uint8Array): SliceHead | undefined {
    try {
      const bits = new NalBits(nal.subarray(1, 1 + MAX_HEADER_BYTES));
      const firstMacroblock = bits.ue();
      bits.ue(); // slice_type
      const ppsId = bits.ue();
      const pps = this.#pps.get(ppsId);
      const sps = pps && this.#sps.get(pps.spsId);
      if (!sps) return { firstMacroblock, ppsId, structure: -1 };
      if (sps.separatePlanes) bits.skip(2);
      bits.skip(sps.frameNumBits);
      const isField = !sps.frameMbsOnly && bits.u1() === 1;
      return { firstMacroblock, ppsId, structure: isField ? 1 + bits.u1() : 0 };
    } catch {
      return undefined;
    }
  }

  /** A set in band that says something else than the header's of the same number. */
  #compare(nal: Uint8Array, sizeBytes: number, type: number): void {
    const known = [...(type === NAL_SPS ? this.#sps : this.#pps).values()];
    if (known.length === 0) return;
    const isKnown = known.some(({ bytes }) => {
      const common = Math.min(bytes.byteLength, nal.byteLength);
      // Some encoders leave zeros behind a set.
      return sizeBytes >= bytes.byteLength && Buffer.compare(bytes.subarray(0, common), nal.subarray(0, common)) === 0;
    });
    if (!isKnown) this.#hasForeignSets = true;
  }
}

function isAvc(config: VideoConfig): config is AvcConfig {
  return "sps" in config && "pps" in config;
}
