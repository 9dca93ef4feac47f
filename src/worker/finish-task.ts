// The finish task, run by the finish pool: makes a segment final. It costs the index of an MP4, a patch of an FLV and
// nothing for a TS, and the sync that durability asks for.

import { workerData } from "node:worker_threads";
import { ArenaViews } from "../arena/arena-views.js";
import { instantiateKernel, type Kernel } from "../arena/kernel.js";
import { ReelError } from "../base/reel-error.js";
import type { ContainerName, FinishedSegment, SegmentFinish } from "../container/container.js";
import { type FileFailure, fileFailure } from "../container/file-failure.js";
import { closeSegmentFiles } from "../container/segment-files.js";
import { CONTAINERS } from "../container/table.js";
import type { DrainWorkerData } from "./drain-task.js";

export interface FinishRequest extends SegmentFinish {
  container: ContainerName;
  /** 0 if its descriptors are closed; a further try works on the files alone. */
  segment: number;
  /** Its files are somebody else's by now: only the descriptors are closed. */
  isLost: boolean;
  /** Where the segment was written; the journal of an MP4 has its name from this. */
  path: string;
}

export interface FinishResult extends FinishedSegment {
  failure: FileFailure | undefined;
}

let kernel: Kernel | undefined;
let views: ArenaViews | undefined;

export function finish(request: FinishRequest): FinishResult {
  const { memory, module, arenaBase } = workerData as DrainWorkerData;
  views ??= new ArenaViews(memory);
  kernel ??= instantiateKernel(module, memory, arenaBase);
  const { container, segment, path } = request;
  try {
    if (request.isLost) throw new ReelError("lostFile", `${path} was lost while it grew`, { path });
    return { ...CONTAINERS[container].finish({ arena: views, segment, path }, kernel, request), failure: undefined };
  } catch (error) {
    if (segment !== 0) closeQuietly(views, segment);
    return { finish: "none", sizeBytes: 0, tableBytes: 0, isEmpty: false, failure: fileFailure(error, path) };
  }
}

/** After a failure that has its report already. */
function closeQuietly(arena: ArenaViews, segment: number): void {
  try {
    closeSegmentFiles(arena, segment);
  } catch {
    // The first failure is the one to report.
  }
}
