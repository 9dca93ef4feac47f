// What is uploaded and to be deleted here (`keepLocal: false`): at once, or when whoever holds it, or plays it, lets
// go.

import type { Logger } from "../base/logger.js";
import { asReelError } from "../base/reel-error.js";
import type { SegmentCatalog } from "../catalog/catalog.js";
import type { CatalogSegment } from "../catalog/catalog-segment.js";

const RETRY_MS = 60_000;

export interface LocalFilesParts {
  readonly catalog: SegmentCatalog;
  /** Nothing is deleted. */
  readonly keepsAll: boolean;
  readonly logger: Logger;
  readonly retryMs: number | undefined;
  /** Carries out the end of an upload whose file could not be deleted before. */
  readonly carryOut: (id: number) => Promise<void>;
}

export class LocalFiles {
  /** They could not be deleted as yet. */
  readonly #kept = new Set<number>();
  readonly #told = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  #trying: Promise<void> | undefined;
  #isClosed = false;

  constructor(private readonly parts: LocalFilesParts) {
    this.#timer = setInterval(() => this.#tryAgain(), parts.retryMs ?? RETRY_MS).unref();
  }

  /** False where it is still there and should not be: it is tried again. */
  async delete(segment: CatalogSegment): Promise<boolean> {
    const { catalog, keepsAll, logger } = this.parts;
    if (keepsAll) return true;
    try {
      await catalog.delete(segment, "uploaded");
    } catch (error) {
      const { code, message } = asReelError(error);
      if (code !== "notFound") {
        if (!this.#told.has(segment.id))
          logger.info({ path: segment.path }, `it is uploaded, and stays here for now: ${message}`);
        this.#told.add(segment.id);
        this.#kept.add(segment.id);
        return false;
      }
    }
    this.#told.delete(segment.id);
    return true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#trying;
  }

  #tryAgain(): void {
    this.#trying ??= this.#tryAll().finally(() => {
      this.#trying = undefined;
    });
  }

  async #tryAll(): Promise<void> {
    for (const id of [...this.#kept]) {
      if (this.#isClosed) return;
      this.#kept.delete(id);
      await this.parts.carryOut(id).catch(() => this.#kept.add(id));
    }
  }
}
