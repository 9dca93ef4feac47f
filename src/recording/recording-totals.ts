// What all recordings of a run took, lost and closed, for metrics: counters that never fall, whoever has ended.

import type { EventEmitter } from "node:events";
import { type Collector, counter, gauge, type Sample } from "../base/samples.js";
import { GAP_CAUSES, type Gap, type GapCause } from "../stream/gap.js";
import type { OutStream, OutTotals } from "./lifecycle/out-stream.js";
import type { RecorderEvents } from "./recorder-events.js";

/** What gaps of one cause took. */
export interface Loss {
  gaps: number;
  frames: number;
  bytes: number;
  seconds: number;
}

/** What all recordings of a run took and closed; `losses` by cause. */
export interface RecordedTotals {
  readonly recordings: number;
  readonly frames: number;
  readonly bytes: number;
  readonly closedSegments: number;
  readonly failedSegments: number;
  readonly losses: ReadonlyMap<GapCause, Readonly<Loss>>;
}

export class RecordingTotals implements Collector {
  /** Of recordings that have ended. */
  #frames = 0;
  #bytes = 0;
  #closedSegments = 0;
  #failedSegments = 0;
  readonly #losses = new Map<GapCause, Loss>();
  /** The same of each that runs, by its id; only causes that it has told. */
  readonly #ownLosses = new Map<number, Map<GapCause, Loss>>();
  /**
   * The most that was reported of each that runs. What a recording has taken falls where its growing file is lost, or a
   * drain is done again; a counter that falls is a restart to Prometheus.
   */
  readonly #reported = new WeakMap<OutStream, OutTotals>();

  /** The newest recording that was told of each stream and config, while one of them runs. */
  #newest: ReadonlyMap<string, number> = new Map();

  /** Somebody may be among their samples. */
  readonly #ended = new WeakSet<OutStream>();

  constructor(
    events: EventEmitter<RecorderEvents>,
    /** Those that run. */
    private readonly running: () => readonly OutStream[],
  ) {
    for (const cause of Object.keys(GAP_CAUSES) as GapCause[]) this.#losses.set(cause, noLoss());
    // Told when it is no longer among those that run.
    events.on("outStreamClosed", (recording) => {
      const { frames, bytes } = this.#highest(recording);
      this.#frames += frames;
      this.#bytes += bytes;
      this.#ended.add(recording);
    });
    events.on("segmentClosed", () => this.#closedSegments++);
    events.on("segmentFailed", () => this.#failedSegments++);
    events.on("gap", (gap, { outStreamId }) => {
      addTo(this.#losses, gap);
      const own = this.#ownLosses.get(outStreamId) ?? new Map<GapCause, Loss>();
      this.#ownLosses.set(outStreamId, own);
      addTo(own, gap);
      // A gap may be told when its recording has ended.
      if (this.#ownLosses.size > 2 * this.running().length + 16) this.#forgetEnded();
    });
  }

  /** Of a recording that runs, by cause; only causes that it has told. */
  lossesOf(outStreamId: number): ReadonlyMap<GapCause, Readonly<Loss>> {
    return this.#ownLosses.get(outStreamId) ?? new Map();
  }

  /** Without a sample for each recording. */
  sum(): RecordedTotals {
    const running = this.running();
    const taken = running.map((recording) => this.#highest(recording));
    return {
      recordings: running.length,
      frames: taken.reduce((total, { frames }) => total + frames, this.#frames),
      bytes: taken.reduce((total, { bytes }) => total + bytes, this.#bytes),
      ...{ closedSegments: this.#closedSegments, failedSegments: this.#failedSegments, losses: this.#losses },
    };
  }

  collect(): readonly Sample[] {
    const running = this.running();
    let frames = this.#frames;
    let bytes = this.#bytes;
    for (const recording of running) {
      const now = this.#highest(recording);
      frames += now.frames;
      bytes += now.bytes;
    }
    const losses = [...this.#losses].flatMap(([cause, loss]) => [
      counter("reel_gaps_total", "Gaps that recordings told, by cause; not each lost frames.", loss.gaps, { cause }),
      counter("reel_lost_frames_total", "Frames that recordings lost, by cause.", loss.frames, { cause }),
      counter("reel_lost_bytes_total", "Bytes of these frames, by cause.", loss.bytes, { cause }),
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
    ];
  }

  *collectEach(): Generator<readonly Sample[]> {
    this.#forgetEnded();
    const running = this.running();
    this.#newest = newestOfEach(running, this.#newest);
    for (const recording of running) {
      if (this.#newest.get(seriesOf(recording)) !== recording.id || this.#ended.has(recording)) continue;
      yield samplesOf(recording, this.#highest(recording), this.#ownLosses.get(recording.id));
    }
  }

  #forgetEnded(): void {
    const ids = new Set(this.running().map(({ id }) => id));
    for (const id of this.#ownLosses.keys()) if (!ids.has(id)) this.#ownLosses.delete(id);
  }

  #highest(recording: OutStream): Readonly<OutTotals> {
    const now = recording.totals;
    const highest = this.#reported.get(recording) ?? now;
    highest.frames = Math.max(now.frames, highest.frames);
    highest.bytes = Math.max(now.bytes, highest.bytes);
    highest.droppedFrames = Math.max(now.droppedFrames, highest.droppedFrames);
    highest.droppedBytes = Math.max(now.droppedBytes, highest.droppedBytes);
    this.#reported.set(recording, highest);
    return highest;
  }
}

function noLoss(): Loss {
  return { gaps: 0, frames: 0, bytes: 0, seconds: 0 };
}

function addTo(losses: Map<GapCause, Loss>, { cause, frames, bytes, durationMs }: Gap): void {
  const loss = losses.get(cause) ?? noLoss();
  losses.set(cause, loss);
  loss.gaps++;
  loss.frames += frames;
  loss.bytes += bytes;
  loss.seconds += Math.max(0, durationMs) / 1000;
}

function seriesOf({ config: { configId, localStreamName } }: OutStream): string {
  return `${configId} ${localStreamName}`;
}

/**
 * A source that comes back goes on in the series of its stream and config, whose counters begin anew: one that flaps
 * would bring new series each time. The last file of the recording before may still be finished, even behind the end of
 * the next one: its counters do not come back, they would be counted twice.
 */
function newestOfEach(running: readonly OutStream[], before: ReadonlyMap<string, number>): Map<string, number> {
  const newest = new Map<string, number>();
  for (const recording of running) {
    const series = seriesOf(recording);
    newest.set(series, Math.max(newest.get(series) ?? before.get(series) ?? 0, recording.id));
  }
  return newest;
}

function samplesOf(
  recording: OutStream,
  now: Readonly<OutTotals>,
  losses: ReadonlyMap<GapCause, Loss> | undefined,
): Sample[] {
  const { config, currentPath, lagMs } = recording;
  const labels = { stream: config.localStreamName, config: String(config.configId) };
  const samples = [
    gauge("reel_recording_lag_seconds", "Media that the source has brought and no file has.", lagMs / 1000, labels),
    counter("reel_recording_frames_total", "Frames that the recording has written.", now.frames, labels),
    counter("reel_recording_bytes_total", "Bytes of frames that the recording has written.", now.bytes, labels),
    counter("reel_recording_lost_frames_total", "Frames that the recording has lost.", now.droppedFrames, labels),
    counter("reel_recording_lost_bytes_total", "Bytes of these frames.", now.droppedBytes, labels),
  ];
  for (const [cause, { gaps, seconds }] of losses ?? []) {
    const own = { ...labels, cause };
    samples.push(
      counter(
        "reel_recording_gaps_total",
        "Gaps that the recording told; a cause is there once it was told.",
        gaps,
        own,
      ),
      counter("reel_recording_gap_seconds_total", "Media time that these gaps span.", seconds, own),
    );
  }
  if (currentPath !== undefined) {
    const own = { ...labels, recording: String(recording.id), file: currentPath };
    samples.push(gauge("reel_recording_file_info", "1, with the file that grows.", 1, own));
  }
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
