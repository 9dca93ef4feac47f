// What a recording has taken and lost, per track, over all its segments: the statistics of its out-stream.

import { TRACK_AUDIO, TRACK_COUNT, TRACK_VIDEO } from "../../abi/frame.js";
import type { DecoderConfig } from "../../stream/decoder-config.js";
import type { Gap } from "../../stream/gap.js";
import type { OutTrackStatistics } from "./out-stream.js";
import type { Segment } from "./segment.js";

export class TrackTotals {
  readonly #ended: OutTrackStatistics[] = Array.from({ length: TRACK_COUNT }, () => ({
    frames: 0,
    bytes: 0,
    droppedFrames: 0,
    droppedBytes: 0,
    codec: undefined,
    width: 0,
    height: 0,
    profile: 0,
    level: 0,
  }));

  /** A segment has ended. */
  add(segment: Segment): void {
    this.#ended.forEach((track, index) => {
      track.frames += segment.frames(index);
      track.bytes += segment.bytes(index);
    });
  }

  lost(gap: Gap): void {
    const track = this.#ended[gap.track === "audio" ? TRACK_AUDIO : TRACK_VIDEO];
    if (!track) return;
    track.droppedFrames += gap.frames;
    track.droppedBytes += gap.bytes;
  }

  /**
   * `growing`: the segment that is not added yet. The configuration is remembered, for a report after the in-stream has
   * given it back.
   */
  of(track: number, growing: Segment | undefined, config: DecoderConfig | undefined): OutTrackStatistics {
    const ended = this.#ended[track] as OutTrackStatistics;
    const frames = ended.frames + (growing?.frames(track) ?? 0);
    if (frames > 0 && config) {
      ended.codec = config.codec;
      ended.width = config.video?.width ?? 0;
      ended.height = config.video?.height ?? 0;
      ended.profile = config.video?.profile ?? 0;
      ended.level = config.video?.level ?? 0;
    }
    return { ...ended, frames, bytes: ended.bytes + (growing?.bytes(track) ?? 0) };
  }

  frames(growing: Segment | undefined): number {
    return this.#ended.reduce((sum, track, index) => sum + track.frames + (growing?.frames(index) ?? 0), 0);
  }
}
