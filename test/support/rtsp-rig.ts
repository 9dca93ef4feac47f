// The RTSP source against a fake camera: a registry without recordings, and a clock that a test may move on.

import { Arena } from "../../src/arena/arena.js";
import { StagingBudget } from "../../src/ingest/mpegts/staging.js";
import { PullSources } from "../../src/ingest/pull/pull-sources.js";
import { RtspSource } from "../../src/ingest/rtsp/rtsp-source.js";
import type { SourceRequest } from "../../src/ingest/source.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { StreamRegistry } from "../../src/stream/stream-registry.js";
import { type CameraScript, FakeCamera } from "./fake-camera.js";
import { sourceRequest } from "./pull-fixture.js";
import { RecordingLogger } from "./rtmp-rig.js";
import { until } from "./until.js";

export class RtspRig {
  readonly arena = new Arena();
  readonly logger = new RecordingLogger();
  readonly reports: number[] = [];
  readonly registry: StreamRegistry;
  readonly pulls: PullSources;
  readonly camera: FakeCamera;
  /** Why the last attempt was over. */
  reason = "";
  attempts = 0;
  /** What the clock is ahead of the real one. */
  aheadMs = 0;

  private constructor(camera: FakeCamera) {
    this.camera = camera;
    const clock = { wallMs: () => Date.now() + this.aheadMs, monotonicMs: () => performance.now() + this.aheadMs };
    let id = 0;
    const rings = { ringBytes: 65_536, maxRingBytes: 1 << 20, lagLimitMs: 2000 };
    this.registry = new StreamRegistry(this.arena, clock, rings, () => ++id);
    const { arena, registry, logger } = this;
    const parts = { arena, clock, logger, budget: new StagingBudget(), silenceMs: 60_000, maxFfmpegs: 0 };
    const source = new RtspSource({ ...parts, ffmpegPath: undefined, fileFolders: [] }, { tickMs: 50 });
    this.pulls = new PullSources({ registry, arena, clock, logger, silenceMs: 60_000, sources: [source] });
  }

  static async open(script: CameraScript = {}): Promise<RtspRig> {
    return new RtspRig(await FakeCamera.open(script));
  }

  pull(given: Partial<SourceRequest> = {}): void {
    const request = sourceRequest({ uri: this.camera.url(), forceTcp: true, keepAlive: false, ...given });
    this.pulls.start(request, (code, _streamId, trouble) => {
      this.reports.push(code);
      if (trouble) ({ reason: this.reason, attempts: this.attempts } = trouble);
    });
  }

  get stream(): InStream | undefined {
    return this.registry.get("s");
  }

  get frames(): number {
    return this.stream?.statistics[0]?.frames ?? 0;
  }

  async untilAsked(method: string, times = 1): Promise<void> {
    await until(`${method} was asked`, () => this.camera.of(method).length >= times, 15_000);
  }

  /** The last picture of a stream goes on when the next one comes. */
  async untilFrames(frames: number): Promise<void> {
    await until(`${frames} frames`, () => this.frames >= frames, 15_000);
  }

  /** Resolves with the reason. */
  async untilOver(): Promise<string> {
    await until("the attempt is over", () => this.reason !== "", 15_000);
    return this.reason;
  }

  async close(): Promise<void> {
    await this.pulls.close();
    await this.camera.close();
  }
}
