// Writes manifests, each config's in the order in which its files are closed, so that each names the one before.

import { basename } from "node:path";
import { KeyedQueue } from "../../base/keyed-queue.js";
import type { Logger } from "../../base/logger.js";
import type { Ledger } from "../../catalog/ledger.js";
import type { SegmentReport } from "../../catalog/segment-report.js";
import { fileFailure } from "../../container/file-failure.js";
import type { ManifestLink } from "../../container/manifest.js";
import type { Pools } from "../../worker/pools.js";

export interface ManifestWish {
  /** With the file's final name; `sequence` is that of its opening. */
  readonly report: SegmentReport;
  readonly known: readonly string[];
  readonly isRecovered: boolean;
  readonly sync: boolean;
}

export class Manifests {
  readonly #queue = new KeyedQueue<number>();
  /** By config. */
  readonly #last: Map<number, ManifestLink>;

  constructor(
    private readonly pools: Pools,
    ledger: Pick<Ledger, "roots">,
    private readonly logger: Logger,
  ) {
    this.#last = new Map(ledger.roots);
  }

  /** The root; null where it could not be written, which is logged. The file is final all the same. */
  write({ report, known, isRecovered, sync }: ManifestWish): Promise<string | null> {
    const { path, container, localStreamName, configId, sequence, startedMs } = report;
    return this.#queue.run(configId, async () => {
      const startTime = new Date(startedMs).toISOString();
      const previous = this.#last.get(configId) ?? null;
      const subject = { localStreamName, configId, sequence, startTime };
      const { root, failure } = await this.pools
        .manifest({ container, path, subject, known, isRecovered, sync, previous })
        .catch((error: unknown) => ({ root: undefined, failure: fileFailure(error, path) }));
      if (root === undefined) {
        this.logger.warn({ path, code: failure?.code }, `the manifest could not be written: ${failure?.message}`);
        return null;
      }
      this.#last.set(configId, { file: basename(path), root });
      return root;
    });
  }
}
