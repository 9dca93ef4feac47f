// What all recordings of a run took, lost and closed, for metrics: counters that never fall, whoever has ended.

import type { EventEmitter } from "node:events";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { GAP_CAUSES, type GapCause } from "../stream/gap.js";
import type { OutStream } from "./lifecycle/out-stream.js";
import type { RecorderEvents } from "./recorder-events.js";

const KINDS = ["video", "audio"] as const;

interface Taken {
  frames: number;
  bytes: number;
  lost: number;
}

interface Loss {
  gaps: number;
  frames: number;
  seconds: number;
}

export class RecordingTotals implements Collector {
  /** Of recordings that have ended. */
  #frames = 0;
  #bytes = 0;
  #closedSegments = 0;
  #failedSegments = 0;
  readonly #losses = new Map<GapCause, Loss>();
  /**
   * The most that was reported of each that runs. What a recording has taken falls where its growing file is lost, or a
   * drain is done again; a counter that falls is a restart to Prometheus.
   */
  readonly #reported = new WeakMap<OutStream, Taken>();

  constructor(
    events: EventEmitter<RecorderEvents>,
    /** Those that run. */
    private readonly running: () => readonly OutStream[],
  ) {
    for (const cause of Object.keys(GAP_CAUSES) as GapCause[])
      this.#losses.set(cause, { gaps: 0, frames: 0, seconds: 0 });
    // Told when it is no longer among those that run.
    events.on("outStreamClosed", (recording) => {
      const { frames, bytes } = this.#highest(recording);
      this.#frames += frames;
      this.#bytes += bytes;
    });
    events.on("segmentClosed", () => this.#closedSegments++);
    events.on("segmentFailed", () => this.#failedSegments++);
    events.on("gap", ({ cause, frames, durationMs }) => {
      const loss = this.#losses.get(cause) as Loss;
      loss.gaps++;
      loss.frames += frames;
      loss.seconds += Math.max(0, durationMs) / 1000;
    });
  }

  collect(): readonly Sample[] {
    const running = this.running();
    let frames = this.#frames;
    let bytes = this.#bytes;
    const own = running.flatMap((recording) => {
      const now = this.#highest(recording);
      frames += now.frames;
      bytes += now.bytes;
      return samplesOf(recording, now);
    });
    const losses = [...this.#losses].flatMap(([cause, loss]) => [
      counter("reel_gaps_total", "Gaps that recordings told, by cause; not each lost frames.", loss.gaps, { cause }),
      counter("reel_lost_frames_total", "Frames that recordings lost, by cause.", loss.frames, { cause }),
      counter("reel_gap_seconds_total", "Media time that gaps span, by cause.", loss.seconds, { cause }),
    ]);
    return [
      gauge("reel_out_streams", "Recordings that run.", running.length),
      counter("reel_recorded_frames_total", "Frames that recordings wrote, all together.", frames),
      counter("reel_recorded_bytes_total", "Bytes of frames that recordings wrote, all together.", bytes),
      counter("reel_closed_segments_total", "Files that were finished.", this.#closedSegments),
      counter("reel_failed_segments_total", "Failures of files that were told.", this.#failedSegments),
      ...lagSamples(running),
      ...losses,
      ...own,
    ];
  }

  #highest(recording: OutStream): Taken {
    const now = taken(recording);
    const before = this.#reported.get(recording) ?? now;
    const highest = {
      frames: Math.max(now.frames, before.frames),
      bytes: Math.max(now.bytes, before.bytes),
      lost: Math.max(now.lost, before.lost),
    };
    this.#reported.set(recording, highest);
    return highest;
  }
}

function taken(recording: OutStream): Taken {
  const sum = { frames: 0, bytes: 0, lost: 0 };
  for (const kind of KINDS) {
    const { frames, bytes, droppedFrames } = recording.tracksOf(kind);
    sum.frames += frames;
    sum.bytes += bytes;
    sum.lost += droppedFrames;
  }
  return sum;
}

function samplesOf(recording: OutStream, now: Taken): Sample[] {
  const { config, currentPath, lagMs } = recording;
  const labels = { stream: config.localStreamName, config: String(config.configId), recording: String(recording.id) };
  const samples = [
    gauge("reel_recording_lag_seconds", "Media that the source has brought and no file has.", lagMs / 1000, labels),
    counter("reel_recording_frames_total", "Frames that the recording has written.", now.frames, labels),
    counter("reel_recording_bytes_total", "Bytes of frames that the recording has written.", now.bytes, labels),
    counter("reel_recording_lost_frames_total", "Frames that the recording has lost.", now.lost, labels),
  ];
  if (currentPath !== undefined)
    samples.push(
      gauge("reel_recording_file_info", "1, with the file that grows.", 1, { ...labels, file: currentPath }),
    );
  return samples;
}

/** Over all recordings: half of them lag less than p50. */
function lagSamples(running: readonly OutStream[]): Sample[] {
  const lags = running.map(({ lagMs }) => lagMs / 1000).sort((a, b) => a - b);
  return ["0.5", "0.99", "1"].map((quantile) => {
    const at = Math.ceil(Number(quantile) * lags.length) - 1;
    const help = "Media that sources have brought and no file has: quantiles over the recordings.";
    return gauge("reel_lag_seconds", help, lags[Math.max(0, at)] ?? 0, { quantile });
  });
}
