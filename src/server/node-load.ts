// How much of this host is still free, for the placement of a group's pulls: its cores, its media volumes, and what its
// operator gives it. Looked at in the background when it is asked for, ten seconds after the last look: what is
// answered is what was seen then.

import { type CpuInfo, cpus } from "node:os";
import type { GroupSettings } from "../group/group-settings.js";
import type { Load } from "../group/placement.js";
import { type VolumeState, VolumeWatch } from "../metrics/volumes.js";
import type { Recorder } from "../recording/recorder.js";
import type { RetentionRule } from "../recording/retention-rule.js";
import type { RetentionSettings } from "../retention/retention.js";
import type { Clock } from "../time/units.js";

export interface NodeLoadParts {
  /** Of the media folders whose oldest files do not make room: those are never full. */
  readonly volumes: readonly { state(): Promise<Pick<VolumeState, "answers" | "freeBytes" | "sizeBytes">> }[];
  /** What all recordings took so far. */
  readonly recordedBytes: () => number;
  /** Undefined: as much as comes. */
  readonly capacityMbps: number | undefined;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** What the cores have done since the machine began; a test answers in their place. */
  readonly cores?: () => readonly Pick<CpuInfo, "times">[];
}

const LOOK_MS = 10_000;
const BITS_PER_MBIT = 1_000_000;

export class NodeLoad {
  #load: Load = { cpuFree: 1, diskFree: 1, bitRateFree: 1 };
  #lookedMs: number;
  #isLooking = false;
  #cores: { idleMs: number; allMs: number };
  #bytes: number;

  constructor(private readonly parts: NodeLoadParts) {
    this.#lookedMs = parts.clock.monotonicMs();
    this.#cores = coreTimes(parts.cores ?? cpus);
    this.#bytes = parts.recordedBytes();
  }

  /** As it was at the last look. */
  get(): Load {
    if (!this.#isLooking && this.parts.clock.monotonicMs() - this.#lookedMs >= LOOK_MS) void this.look();
    return this.#load;
  }

  /** Never rejects. */
  async look(): Promise<void> {
    this.#isLooking = true;
    const { clock, recordedBytes, capacityMbps, volumes, cores = cpus } = this.parts;
    const states = await Promise.all(volumes.map((volume) => volume.state()));
    const nowMs = clock.monotonicMs();
    const passedMs = nowMs - this.#lookedMs;
    const { idleMs, allMs } = coreTimes(cores);
    const bytes = recordedBytes();
    const mbps = passedMs > 0 ? ((bytes - this.#bytes) * 8 * 1000) / passedMs / BITS_PER_MBIT : 0;
    this.#load = {
      cpuFree: allMs > this.#cores.allMs ? (idleMs - this.#cores.idleMs) / (allMs - this.#cores.allMs) : 1,
      diskFree: Math.min(1, ...states.map(freeOf)),
      bitRateFree: capacityMbps === undefined ? 1 : Math.max(0, 1 - mbps / capacityMbps),
    };
    this.#lookedMs = nowMs;
    this.#cores = { idleMs, allMs };
    this.#bytes = bytes;
    this.#isLooking = false;
  }
}

/** Some mounted file systems do not tell their size: those are never full. */
function freeOf({ answers, freeBytes, sizeBytes }: Pick<VolumeState, "answers" | "freeBytes" | "sizeBytes">): number {
  if (!answers) return 0;
  return sizeBytes > 0 ? freeBytes / sizeBytes : 1;
}

/** That of a server: of its media folders those count where retention does not keep room by itself. */
export function nodeLoad(
  recorder: Pick<Recorder, "mediaFolders" | "clock" | "recordedTotals">,
  retention: RetentionSettings | undefined,
  { capacityMbps }: Pick<GroupSettings, "capacityMbps">,
): NodeLoad {
  const { clock, mediaFolders } = recorder;
  const ruleOf = (folder: string): RetentionRule | undefined =>
    retention?.folders?.find((rule) => rule.folder === folder) ?? retention;
  const filling = mediaFolders.filter((folder) => {
    const { freeBytes = 0, freePercent = 0 } = { ...retention, ...ruleOf(folder) };
    return freeBytes === 0 && freePercent === 0;
  });
  return new NodeLoad({
    volumes: filling.map((folder) => new VolumeWatch(folder, clock)),
    recordedBytes: () => recorder.recordedTotals().bytes,
    ...{ capacityMbps, clock },
  });
}

function coreTimes(cores: () => readonly Pick<CpuInfo, "times">[]): { idleMs: number; allMs: number } {
  let idleMs = 0;
  let allMs = 0;
  for (const { times } of cores()) {
    idleMs += times.idle;
    allMs += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idleMs, allMs };
}
