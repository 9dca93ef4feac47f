// Whether an access unit of H.265 is one whole picture, ITU-T H.265 §7.3.6.1, §7.4.2.4.4: its first slice segment says
// that it is the first, no other one does, and the parameter sets that it names are those of the file. Where the first
// picture of a track makes no sense by these rules none is judged, as in h264-slices.ts.

import type { HvcConfig } from "../media/codec/h265/decoder-configuration.js";
import { parseH265Sps } from "../media/codec/h265/sps.js";
import type { VideoConfig } from "../media/codec/video-config.js";
import { NalBits } from "./nal-bits.js";
import type { PictureCheck } from "./picture-check.js";

const HEADER_BYTES = 2;
const MAX_HEAD_BYTES = 24;
/** VCL NAL unit types in use: trailing and leading pictures, random access points (Table 7-1). */
const LAST_LEADING = 9;
const FIRST_IRAP = 16;
const LAST_IRAP = 21;
/** Types up to here have no_output_of_prior_pics_flag. */
const LAST_RESERVED_IRAP = 23;
const NAL_VPS = 32;
const NAL_SPS = 33;
const NAL_PPS = 34;

export class H265SliceCheck implements PictureCheck {
  readonly judgesLeading = false;
  #sps = new Map<number, Uint8Array>();
  #pps = new Map<number, { bytes: Uint8Array; spsId: number }>();
  #vps: Uint8Array[] = [];
  #isJudging: boolean | undefined;
  /** Of the access unit. */
  #slices = 0;
  #pictures = 0;
  #complaint: string | undefined;
  #hasForeignSets = false;

  useHeader(config: VideoConfig): void {
    if (!isHvc(config)) return;
    this.#sps.clear();
    this.#pps.clear();
    this.#vps = [];
    for (const set of config.parameterSets) this.#learn(set);
  }

  begin(): void {
    this.#slices = 0;
    this.#pictures = 0;
    this.#complaint = undefined;
    this.#hasForeignSets = false;
  }

  take(nal: Uint8Array, sizeBytes: number, isInHeader: boolean): void {
    if (nal.byteLength < HEADER_BYTES || layerOf(nal) !== 0) return;
    const type = typeOf(nal);
    if (type <= LAST_LEADING || (type >= FIRST_IRAP && type <= LAST_IRAP)) this.#takeSlice(nal, type);
    else if (type < NAL_VPS || type > NAL_PPS) return;
    else if (isInHeader) this.#compare(nal, sizeBytes, type);
    else this.#learn(nal);
  }

  end(): string | undefined {
    if (this.#slices === 0) return undefined;
    this.#isJudging ??= this.#complaint === undefined && this.#pictures === 1;
    if (!this.#isJudging) return undefined;
    if (this.#complaint !== undefined) return this.#complaint;
    if (this.#hasForeignSets) return "carries parameter sets that are not those of the file's header";
    return this.#pictures === 1 ? undefined : `holds ${this.#pictures} pictures`;
  }

  #learn(nal: Uint8Array): void {
    try {
      const type = typeOf(nal);
      if (type === NAL_VPS) this.#vps.push(nal.slice());
      else if (type === NAL_SPS) this.#sps.set(parseH265Sps(nal).id, nal.slice());
      else if (type === NAL_PPS) {
        const bits = new NalBits(nal.subarray(HEADER_BYTES, MAX_HEAD_BYTES));
        this.#pps.set(bits.ue(), { bytes: nal.slice(), spsId: bits.ue() });
      }
    } catch {
      // A set that cannot be read is not known, and pictures that name it say so.
    }
  }

  #takeSlice(nal: Uint8Array, type: number): void {
    const isFirst = this.#slices++ === 0;
    try {
      const bits = new NalBits(nal.subarray(HEADER_BYTES, MAX_HEAD_BYTES));
      const beginsPicture = bits.u1() === 1;
      if (type >= FIRST_IRAP && type <= LAST_RESERVED_IRAP) bits.skip(1);
      const ppsId = bits.ue();
      const pps = this.#pps.get(ppsId);
      if (!pps || !this.#sps.has(pps.spsId))
        this.#complaint ??= `refers to picture parameter set ${ppsId}, which the file does not have`;
      else if (beginsPicture) this.#pictures++;
      else if (isFirst) this.#complaint = "begins with a later slice of a picture: it is a part of one";
    } catch {
      this.#complaint ??= "has a slice header that cannot be read";
    }
  }

  /** A set in band that says something else than the header's. */
  #compare(nal: Uint8Array, sizeBytes: number, type: number): void {
    const ofType = { [NAL_VPS]: this.#vps, [NAL_SPS]: [...this.#sps.values()] }[type];
    const known = ofType ?? [...this.#pps.values()].map(({ bytes }) => bytes);
    if (known.length === 0) return;
    const isKnown = known.some((bytes) => {
      const common = Math.min(bytes.byteLength, nal.byteLength);
      // Some encoders leave zeros behind a set.
      return sizeBytes >= bytes.byteLength && Buffer.compare(bytes.subarray(0, common), nal.subarray(0, common)) === 0;
    });
    if (!isKnown) this.#hasForeignSets = true;
  }
}

function typeOf(nal: Uint8Array): number {
  return ((nal[0] ?? 0) >> 1) & 63;
}

/** nuh_layer_id; layers above 0 add to a picture that is whole without them. */
function layerOf(nal: Uint8Array): number {
  return (((nal[0] ?? 0) & 1) << 5) | ((nal[1] ?? 0) >> 3);
}

function isHvc(config: VideoConfig): config is HvcConfig {
  return "parameterSets" in config;
}
