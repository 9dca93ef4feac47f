// What a recording has taken and lost, per track and kind, over all its segments: the statistics of its out-stream.

import { MAX_TRACKS } from "../../abi/frame.js";
import type { Gap } from "../../stream/gap.js";
import type { InStream } from "../../stream/in-stream.js";
import type { OutTotals, OutTrackStatistics } from "./out-stream.js";
import type { Segment } from "./segment.js";

type Kind = "video" | "audio";
type KindTotals = Omit<OutTrackStatistics, "frames" | "bytes">;

function nothing(): KindTotals {
  return { droppedFrames: 0, droppedBytes: 0, codec: undefined, width: 0, height: 0, profile: 0, level: 0 };
}

export class TrackTotals {
  readonly #ended = Array.from({ length: MAX_TRACKS }, () => ({ frames: 0, bytes: 0 }));
  readonly #kinds: Readonly<Record<Kind, KindTotals>> = { video: nothing(), audio: nothing() };

  /** A segment has ended. */
  add(segment: Segment): void {
    this.#ended.forEach((track, number) => {
      track.frames += segment.frames(number);
      track.bytes += segment.bytes(number);
    });
  }

  lost(gap: Gap): void {
    const kind = this.#kinds[gap.track === "audio" ? "audio" : "video"];
    kind.droppedFrames += gap.frames;
    kind.droppedBytes += gap.bytes;
  }

  /**
   * `growing`: the segment that is not added yet. The configuration is remembered, for a report after the in-stream has
   * given it back.
   */
  of(kind: Kind, growing: Segment | undefined, stream: InStream): OutTrackStatistics {
    const totals = this.#kinds[kind];
    let frames = 0;
    let bytes = 0;
    let isFirst = true;
    for (const track of stream.tracks) {
      if (track.kind !== kind) continue;
      const own = (this.#ended[track.number]?.frames ?? 0) + (growing?.frames(track.number) ?? 0);
      frames += own;
      bytes += (this.#ended[track.number]?.bytes ?? 0) + (growing?.bytes(track.number) ?? 0);
      const config = stream.config(track.number);
      if (isFirst && own > 0 && config) {
        totals.codec = config.codec;
        totals.width = config.video?.width ?? 0;
        totals.height = config.video?.height ?? 0;
        totals.profile = config.video?.profile ?? 0;
        totals.level = config.video?.level ?? 0;
        isFirst = false;
      }
    }
    // Field by field: a spread took a third of a scrape of metrics of 800 recordings.
    const { droppedFrames, droppedBytes, codec, width, height, profile, level } = totals;
    return { frames, bytes, droppedFrames, droppedBytes, codec, width, height, profile, level };
  }

  /** Of both kinds together. */
  all(growing: Segment | undefined, { tracks }: InStream): OutTotals {
    const { video, audio } = this.#kinds;
    let frames = 0;
    let bytes = 0;
    for (const { number } of tracks) {
      frames += (this.#ended[number]?.frames ?? 0) + (growing?.frames(number) ?? 0);
      bytes += (this.#ended[number]?.bytes ?? 0) + (growing?.bytes(number) ?? 0);
    }
    const droppedFrames = video.droppedFrames + audio.droppedFrames;
    return { frames, bytes, droppedFrames, droppedBytes: video.droppedBytes + audio.droppedBytes };
  }

  frames(growing: Segment | undefined): number {
    return this.#ended.reduce((sum, track, number) => sum + track.frames + (growing?.frames(number) ?? 0), 0);
  }
}
