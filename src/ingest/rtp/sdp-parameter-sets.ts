// Parameter sets that a session description announces (sprop-…, base64) in front of those that come in band. Cameras
// leave them out, give half of them, put start codes into them or announce those of another stream: those in band win.

import type { FrameNumbering } from "../../media/codec/nal-codec.js";
import type { NalParameterSets } from "../nal-parameter-sets.js";
import { sameRange } from "../nal-parameter-sets.js";

const MAX_SETS = 64;
const START_CODE = Buffer.of(0, 0, 1);

export class SdpParameterSets implements NalParameterSets {
  readonly #sets: NalParameterSets;
  readonly #announced: Uint8Array[] = [];
  readonly #note: (text: string) => void;

  constructor(sets: NalParameterSets, texts: readonly string[], note: (text: string) => void) {
    this.#sets = sets;
    this.#note = note;
    for (const text of texts)
      for (const part of text.split(",").slice(0, MAX_SETS)) this.#announced.push(...nalUnitsOf(part));
    for (const set of this.#announced) sets.learn(set, 0, set.byteLength);
  }

  get hasChanges(): boolean {
    return this.#sets.hasChanges;
  }

  get mayHaveFields(): boolean {
    return this.#sets.mayHaveFields;
  }

  get reorderFrames(): number | undefined {
    return this.#sets.reorderFrames;
  }

  readonly numberingOf = (ppsId: number): FrameNumbering | undefined => this.#sets.numberingOf(ppsId);

  learn(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#announced.length > 0 && !this.#announced.some((set) => sameRange(set, bytes, start, end))) {
      this.#announced.length = 0;
      this.#note("parameter sets in band differ from those of the session description: those in band are used");
    }
    return this.#sets.learn(bytes, start, end);
  }

  apply(): Uint8Array | undefined {
    return this.#sets.apply();
  }

  forget(): void {
    this.#sets.forget();
  }
}

/** Without start codes, and without the zeros behind. */
function nalUnitsOf(base64: string): Uint8Array[] {
  const bytes = Buffer.from(base64.trim(), "base64");
  const units: Uint8Array[] = [];
  for (let from = 0; from < bytes.byteLength; ) {
    const code = bytes.indexOf(START_CODE, from);
    let end = code < 0 ? bytes.byteLength : code;
    const next = code < 0 ? bytes.byteLength : code + START_CODE.length;
    while (end > from && bytes[end - 1] === 0) end--;
    if (end > from) units.push(Uint8Array.from(bytes.subarray(from, end)));
    from = next;
  }
  return units;
}
