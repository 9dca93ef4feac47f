// Whether onMetaData tells the truth: size, duration, tracks, picture, and the keyframe table, whose entries are met
// one by one as the tags are walked.

import {
  keyframePosition,
  keyframeTimeMs,
  type Metadata,
  metadataBoolean,
  metadataNumber,
} from "../../media/flv/flv-metadata.js";
import type { Tag } from "../../media/flv/flv-tag.js";
import type { Findings } from "../findings.js";
import { roundMs, type TrackAudit, type TrackTraits } from "../track-audit.js";

/** Writers take the last frame's beginning, or its end as decoded or as shown. */
const DURATION_TOLERANCE_MS = 100;
const TIME_TOLERANCE_MS = 1;

export class KeyframeTableCheck {
  readonly #metadata: Metadata;
  readonly #place: string;
  readonly #findings: Findings;
  #next = 0;

  constructor(metadata: Metadata, place: string, findings: Findings) {
    this.#metadata = metadata;
    this.#place = `${place}/keyframes`;
    this.#findings = findings;
    const { keyframes } = metadata;
    if (keyframes && keyframes.times.count !== keyframes.filePositions.count) {
      findings.defect(this.#place, `${keyframes.times.count} times for ${keyframes.filePositions.count} positions`);
    }
  }

  get #count(): number {
    const { keyframes } = this.#metadata;
    return keyframes ? Math.min(keyframes.times.count, keyframes.filePositions.count) : 0;
  }

  /** `isTarget`: decoding can start at this tag, or it is a sequence header in front of such a one. */
  meet(tag: Tag, isTarget: boolean): void {
    if (!this.#passUpTo(tag.position)) return;
    const index = this.#next++;
    if (!isTarget) {
      this.#findings.defect(`${this.#place}[${index}]`, "points to a tag that is no key frame");
      return;
    }
    const timeMs = keyframeTimeMs(this.#metadata, index);
    if (Math.abs(timeMs - tag.timestampMs) > TIME_TOLERANCE_MS) {
      this.#findings.defect(
        `${this.#place}[${index}]`,
        `says ${roundMs(timeMs)} ms, its tag is at ${tag.timestampMs} ms`,
      );
    }
  }

  /** What is left points past the last tag. */
  end(): void {
    this.#passUpTo(Number.POSITIVE_INFINITY);
  }

  /** Entries in front of `position` point between tags. True where the next one is at it. */
  #passUpTo(position: number): boolean {
    for (; this.#next < this.#count; this.#next++) {
      const entry = keyframePosition(this.#metadata, this.#next);
      if (entry === position) return true;
      if (entry > position) return false;
      this.#findings.defect(`${this.#place}[${this.#next}]`, `points to byte ${entry}, where no tag begins`);
    }
    return false;
  }
}

export interface MetadataFacts {
  sizeBytes: number;
  tracks: readonly TrackAudit[];
  /** That it describes. */
  video: TrackTraits | undefined;
}

export function checkMetadata(metadata: Metadata, place: string, facts: MetadataFacts, findings: Findings): void {
  const { sizeBytes, tracks, video } = facts;
  const filesize = metadataNumber(metadata, "filesize");
  if (filesize !== undefined && filesize !== sizeBytes)
    findings.defect(`${place}/filesize`, `says ${filesize} bytes, the file has ${sizeBytes}`);
  const duration = metadataNumber(metadata, "duration");
  const endMs = Math.max(0, ...tracks.map((track) => track.endMs));
  const decodedMs = Math.max(0, ...tracks.map((track) => track.decodedEndMs));
  const durationMs = (duration ?? endMs) * (duration === undefined ? 1 : 1000);
  if (
    duration !== undefined &&
    (durationMs > Math.max(endMs, decodedMs) + DURATION_TOLERANCE_MS ||
      durationMs < Math.min(endMs, decodedMs) - DURATION_TOLERANCE_MS)
  ) {
    findings.defect(
      `${place}/duration`,
      `says ${roundMs(duration * 1000)} ms, the last frame ends at ${roundMs(endMs)} ms`,
    );
  }
  for (const kind of ["video", "audio"] as const) {
    const says = metadataBoolean(metadata, kind === "video" ? "hasVideo" : "hasAudio");
    const has = tracks.some((track) => track.traits.kind === kind && track.frames > 0);
    if (says !== undefined && says !== has)
      findings.defect(
        `${place}/${kind === "video" ? "hasVideo" : "hasAudio"}`,
        `says ${says}, the file has ${has ? "" : "no "}${kind}`,
      );
  }
  for (const side of ["width", "height"] as const) {
    const says = metadataNumber(metadata, side);
    if (says !== undefined && video?.[side] !== undefined && says !== video[side])
      findings.defect(`${place}/${side}`, `says ${says}, the parameter sets say ${video[side]}`);
  }
}
