// Pictures that have been made, bounded by their bytes; who asks for one that is being made waits for it.

import type { NearestPicture } from "./nearest-picture.js";
import type { Still, Stills } from "./stills.js";

const MAX_BYTES = 16 * 1024 * 1024;

export class StillCache {
  /** The one asked for last stands last. */
  readonly #kept = new Map<string, Buffer>();
  readonly #making = new Map<string, Promise<Still>>();
  #bytes = 0;

  constructor(private readonly stills: Pick<Stills, "make">) {}

  async get(picture: NearestPicture, width: number): Promise<Still> {
    const key = `${picture.id} ${picture.wallMs} ${width}`;
    const kept = this.#kept.get(key);
    if (kept) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return { jpeg: kept };
    }
    let making = this.#making.get(key);
    if (!making) {
      making = this.stills.make(() => picture.read(), picture.format, width).finally(() => this.#making.delete(key));
      this.#making.set(key, making);
    }
    const still = await making;
    if ("jpeg" in still && !this.#kept.has(key)) this.#keep(key, still.jpeg);
    return still;
  }

  #keep(key: string, jpeg: Buffer): void {
    this.#kept.set(key, jpeg);
    this.#bytes += jpeg.byteLength;
    for (const [oldest, { byteLength }] of this.#kept) {
      if (this.#bytes <= MAX_BYTES) return;
      this.#kept.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
