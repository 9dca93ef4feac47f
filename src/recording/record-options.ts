// Completes the options of `record` with EMS's defaults (ems-record-spec §2.1, 7.1, 7.2) and reads saved configs back.

import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import { zoneOf } from "../base/zone.js";
import { CONTAINERS, type ContainerName } from "../container/table.js";
import { LAST_POINT } from "../stream/past.js";
import { checkStreamName } from "../stream/stream-registry.js";
import { DAY_S } from "./clock/alignment.js";
import { scheduleOf } from "./clock/schedule.js";
import type { Naming } from "./naming/naming.js";
import { PathTemplate } from "./naming/path-template.js";
import type { Durability, RecordConfig, RecordOptions } from "./record-config.js";
import { checkPriority, completeRetentionRule, DEFAULT_PRIORITY } from "./retention-rule.js";

const MAX_CHUNK_LENGTH = 999_999;
/** Smaller files would be nothing but names. */
const MIN_MAX_BYTES = 65_536;
/** A year, and a timer's limit is far below that: it is looked at by a clock. */
const MAX_DURATION_S = 31_622_400;
const MAX_CONFIG_ID = 4_294_967_295;
const DURABILITIES: readonly Durability[] = ["none", "close", "interval"];

/** Throws ReelError `badArgument`. */
export function completeRecordConfig(options: RecordOptions): Omit<RecordConfig, "configId"> {
  const config = {
    localStreamName: options.localStreamName.trim(),
    pathToFile: options.pathToFile.trim(),
    template: options.template ?? false,
    zone: options.zone || undefined,
    type: (options.type ?? "mp4").toLowerCase() as ContainerName,
    overwrite: options.overwrite ?? false,
    keepAlive: options.keepAlive ?? true,
    chunkLength: options.chunkLength ?? 0,
    alignTo: options.alignTo ?? 0,
    maxBytes: options.maxBytes ?? 0,
    duration: options.duration ?? 0,
    schedule: options.schedule?.trim() ?? "",
    waitForIDR: options.waitForIDR ?? true,
    winQtCompat: options.winQtCompat ?? true,
    dateFolderStructure: options.dateFolderStructure ?? false,
    hasAudio: options.hasAudio ?? true,
    preset: options.preset ?? 0,
    variables: { ...options.variables },
    durability: options.durability,
    from: options.from,
    upload: options.upload,
    copyTo: options.copyTo,
    manifest: options.manifest ? (true as const) : undefined,
    retain: completeRetentionRule(options.retain),
    priority: options.priority ?? DEFAULT_PRIORITY,
  };
  if (config.localStreamName === "") throw new ReelError("badArgument", "localStreamName is empty");
  checkStreamName(config.localStreamName);
  if (config.pathToFile === "") throw new ReelError("badArgument", "pathToFile is empty");
  if (!Object.hasOwn(CONTAINERS, config.type))
    throw new ReelError("badArgument", `type is mp4, ts or flv, not ${config.type}`);
  if (!Number.isInteger(config.chunkLength) || config.chunkLength < 0 || config.chunkLength > MAX_CHUNK_LENGTH) {
    throw new ReelError("badArgument", `chunkLength is a whole number of seconds from 0 to ${MAX_CHUNK_LENGTH}`);
  }
  if (config.template) checkTemplate(config);
  checkClock(config);
  checkPriority(config.priority);
  const { from } = config;
  if (from !== undefined && from !== LAST_POINT && !(Number.isFinite(from) && from >= 0))
    throw new ReelError("badArgument", `from is a number of seconds that have passed, or ${LAST_POINT}`);
  if (config.durability !== undefined && !DURABILITIES.includes(config.durability)) {
    throw new ReelError("badArgument", `durability is ${DURABILITIES.join(", ")}, not ${String(config.durability)}`);
  }
  return config;
}

/** Options that the server may complete. */
export type ServerDefaulted = Pick<RecordOptions, "manifest" | "copyTo">;

/** What the server says where they do not, and the media folder that `copyTo` names. Throws ReelError `badPath`. */
export function withServerDefaults<O extends ServerDefaulted>(options: O, naming: Naming, manifests: boolean): O {
  const { manifest, copyTo } = options;
  return {
    ...options,
    ...(manifest === undefined && manifests && { manifest: true }),
    ...(copyTo !== undefined && { copyTo: naming.mediaFolder(copyTo) }),
  };
}

type Unstored = Omit<RecordConfig, "configId">;

function checkClock({ zone, alignTo, maxBytes, duration, schedule }: Unstored): void {
  zoneOf(zone);
  if (schedule !== "") scheduleOf(schedule, zone);
  if (alignTo !== 0 && !(Number.isInteger(alignTo) && alignTo > 0 && DAY_S % alignTo === 0))
    throw new ReelError(
      "badArgument",
      `alignTo is a number of seconds that divides a day, such as 3600, not ${alignTo}`,
    );
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 0 || (maxBytes > 0 && maxBytes < MIN_MAX_BYTES))
    throw new ReelError("badArgument", `maxBytes is 0, or a whole number from ${MIN_MAX_BYTES}`);
  if (!Number.isFinite(duration) || duration < 0 || duration > MAX_DURATION_S)
    throw new ReelError("badArgument", `duration is a number of seconds from 0 to ${MAX_DURATION_S}`);
}

/** Names that are different each time replace nothing. */
function checkTemplate({ pathToFile, zone, overwrite, dateFolderStructure }: Unstored): void {
  if (!new PathTemplate(pathToFile, zone).isPerSegment) return;
  const other = overwrite ? "overwrite=1" : dateFolderStructure ? "dateFolderStructure=1" : undefined;
  if (other) throw new ReelError("badArgument", `${pathToFile} names every file anew: it goes without ${other}`);
}

/** True if a value can be a config's id; clients read it as an unsigned number of 32 bits. */
export function isConfigId(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_CONFIG_ID;
}

/** Reads what the store holds; entries that the command would refuse are named in the log and left out. */
export function readRecordConfigs(saved: unknown, naming: Naming, logger: Logger): RecordConfig[] {
  if (!Array.isArray(saved)) return [];
  const ids = new Set<number>();
  return saved.flatMap((value: unknown) => {
    try {
      const { configId } = value as RecordConfig;
      if (!isConfigId(configId)) throw new ReelError("badArgument", "configId is missing, or no id");
      if (ids.has(configId)) throw new ReelError("badArgument", `configId ${configId} is another config's`);
      const { ruleId } = value as RecordConfig;
      const config = { ...completeRecordConfig(value as RecordOptions), configId, ...(ruleId && { ruleId }) };
      naming.checkText(config.pathToFile);
      ids.add(configId);
      return [config];
    } catch (error) {
      logger.warn({ err: error, config: value }, "a saved record config cannot be used and is left out");
      return [];
    }
  });
}
