// A segment of the catalogue as the API shows it.

import type { FoundSegment } from "../catalog/catalog-segment.js";
import { CONTAINERS } from "../container/table.js";
import { mediaUrl } from "./media-path.js";

/** States in which there is a file under the final name. */
const HAS_FILE: ReadonlySet<string> = new Set(["finished", "recovered", "uploaded"]);

export interface RecordingObject {
  readonly sequence: number;
  readonly state: string;
  readonly links: Readonly<Record<string, string>>;
  readonly [key: string]: unknown;
}

/** `base`: what its links begin with. */
export function recordingObject(segment: FoundSegment, folders: readonly string[], base = ""): RecordingObject {
  const { id, state, container, localStreamName, startedMs, stoppedMs } = segment;
  const isGrowing = state === "growing";
  return {
    sequence: id,
    state,
    ...(segment.missing && { isMissing: true }),
    ...(segment.unreachable && { isUnreachable: true }),
    ...(segment.isEstimated && { isEstimated: true }),
    ...(segment.copy !== undefined && { copy: segment.copy }),
    ...(segment.manifest !== undefined && { manifest: segment.manifest }),
    ...(segment.object !== undefined && { object: segment.object }),
    ...(segment.code !== undefined && { code: segment.code }),
    stream: localStreamName,
    start: new Date(startedMs).toISOString(),
    end: stoppedMs === null ? null : new Date(stoppedMs).toISOString(),
    // Of what grows the catalogue counts nothing.
    durationMs: isGrowing ? null : Math.round(segment.durationMs),
    bytes: isGrowing ? null : segment.sizeBytes,
    type: container,
    file: segment.path,
    tracks: segment.tracks,
    videoFrames: isGrowing ? null : segment.videoFrames,
    audioFrames: isGrowing ? null : segment.audioFrames,
    gaps: segment.gaps,
    lost: segment.lost,
    configId: segment.configId,
    outStreamId: segment.outStreamId,
    ...(segment.node !== undefined && { node: segment.node }),
    ...(segment.epoch !== undefined && { epoch: segment.epoch }),
    variables: segment.variables,
    links: linksOf(segment, folders, base),
  };
}

export function linksOf(segment: FoundSegment, folders: readonly string[], base: string): Record<string, string> {
  const { id, state, path, container } = segment;
  const isThere = !segment.missing && (HAS_FILE.has(state) || (state === "growing" && !CONTAINERS[container].journal));
  const media = isThere ? mediaUrl(path, folders) : undefined;
  return { self: `${base}/api/recordings/${id}`, ...(media !== undefined && { media: base + media }) };
}
