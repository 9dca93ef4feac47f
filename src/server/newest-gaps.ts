// The newest gaps of every stream. Each stream has a share, and where all together are too many the oldest of the one
// that has most goes: a stream that comes and goes all night pushes its own out, and nobody else's. What went is
// counted.

/** Gaps of one stream. */
const MAX_EACH = 200;
/** Gaps together: ten of each of 200 streams; 0.5 MB. */
export const MAX_GAPS = 2000;
/** Streams whose counts are known; names come from outside. */
const MAX_STREAMS = 5000;

interface Of<T> {
  readonly gaps: T[];
  forgotten: number;
}

export interface NewestGaps<T> {
  /** Newest first. */
  readonly gaps: readonly T[];
  /** How many older ones there were. */
  readonly forgotten: number;
}

export class GapMemory<T extends { readonly stream: string; readonly id: number }> {
  /** In the order of their last gap. */
  readonly #streams = new Map<string, Of<T>>();
  #count = 0;
  /** Of streams whose names are forgotten, too. */
  #ofOthers = 0;

  /** `id` rises from gap to gap. */
  add(gap: T): void {
    const own = this.#streams.get(gap.stream) ?? { gaps: [], forgotten: 0 };
    this.#streams.delete(gap.stream);
    this.#streams.set(gap.stream, own);
    own.gaps.push(gap);
    this.#count++;
    if (own.gaps.length > MAX_EACH) this.#forgetOne(own);
    else if (this.#count > MAX_GAPS) this.#forgetOne(this.#largest());
    if (this.#streams.size > MAX_STREAMS) this.#forgetStream();
  }

  /** Of one stream, or of all. */
  newest(stream?: string): NewestGaps<T> {
    if (stream !== undefined) {
      const { gaps, forgotten } = this.#streams.get(stream) ?? { gaps: [], forgotten: this.#ofOthers };
      return { gaps: gaps.toReversed(), forgotten };
    }
    const all = [...this.#streams.values()];
    return {
      gaps: all.flatMap(({ gaps }) => gaps).sort((a, b) => b.id - a.id),
      forgotten: all.reduce((sum, { forgotten }) => sum + forgotten, this.#ofOthers),
    };
  }

  #forgetOne(of: Of<T>): void {
    of.gaps.shift();
    of.forgotten++;
    this.#count--;
  }

  #largest(): Of<T> {
    let largest: Of<T> = { gaps: [], forgotten: 0 };
    for (const of of this.#streams.values()) if (of.gaps.length > largest.gaps.length) largest = of;
    return largest;
  }

  #forgetStream(): void {
    const [first] = this.#streams;
    if (!first) return;
    const [name, { gaps, forgotten }] = first;
    this.#streams.delete(name);
    this.#count -= gaps.length;
    this.#ofOthers += gaps.length + forgotten;
  }
}
