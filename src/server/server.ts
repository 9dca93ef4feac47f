// The composition root: a recorder, its ingests and its control plane, wired by one configuration. Nothing below this
// file reads configuration.

import { renameSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Logger } from "../base/logger.js";
import { ControlPlane } from "../control/control-plane.js";
import type { EventLoggerOptions } from "../control/events/event-sink.js";
import { TsTcpServer } from "../ingest/mpegts/ts-tcp-server.js";
import { PullSources } from "../ingest/pull/pull-sources.js";
import { RtmpServer } from "../ingest/rtmp/rtmp-server.js";
import { Recorder } from "../recording/recorder.js";
import { type ListenerAddress, parseListener } from "./config.js";
import type { ServerConfig } from "./config-schema.js";
import { VERSION } from "./version.js";

/** What clients are told finishes MP4 files (mp4BinPath). */
const MP4_WRITER = fileURLToPath(new URL("../cli/evo-mp4writer.js", import.meta.url));

const DEFAULT_LISTENERS = {
  http: "127.0.0.1:7777",
  jsonCli: "127.0.0.1:1112",
  asciiCli: "127.0.0.1:1222",
  rtmp: "127.0.0.1:1935",
  ts: "off",
} as const;
/** In-streams of the MPEG-TS listener: ts1, ts2, … */
const DEFAULT_TS_NAME = "ts{n}";
type ListenerName = keyof typeof DEFAULT_LISTENERS;

/** Where the server really listens, `host:port`; a listener that is off is absent. */
export type Addresses = Partial<Record<ListenerName, string>>;

export class ReelServer {
  private constructor(
    readonly recorder: Recorder,
    readonly addresses: Addresses,
    private readonly listeners: readonly { close(): Promise<void> }[],
    private readonly pulls: PullSources,
    private readonly control: ControlPlane,
  ) {}

  /** Throws ReelError where a listener cannot be opened or would be open to others without protection. */
  static async start(config: ServerConfig, logger: Logger): Promise<ReelServer> {
    const listener = (name: ListenerName): ListenerAddress | undefined =>
      parseListener(config.listeners?.[name] ?? DEFAULT_LISTENERS[name]);
    const recorder = await Recorder.open({
      logger,
      ...(config.media?.folders && { mediaFolders: config.media.folders }),
      ...(config.state?.folder && { stateFolder: config.state.folder }),
      ...(config.workers && { workers: config.workers }),
      ...(config.arena?.maximumMib && { arenaMib: config.arena.maximumMib }),
      ...(config.ring?.bytes && { ringBytes: config.ring.bytes }),
      ...(config.ring?.maximumBytes && { maxRingBytes: config.ring.maximumBytes }),
      ...(config.ring?.lagLimitMs && { lagLimitMs: config.ring.lagLimitMs }),
      ...(config.recording?.syncIntervalMs && { syncIntervalMs: config.recording.syncIntervalMs }),
      ...(config.recording?.durability && { durability: config.recording.durability as "none" | "close" | "interval" }),
    });
    const common = { registry: recorder.streams, arena: recorder.arena, clock: recorder.clock, logger };
    const pulls = new PullSources({
      ...common,
      silenceMs: config.pull?.silenceMs,
      fileFolders: config.pull?.fileFolders ?? recorder.mediaFolders,
    });
    const control = new ControlPlane({
      recorder,
      pulls,
      clock: recorder.clock,
      logger,
      version: VERSION,
      options: {
        ...config.control,
        eventLogger: config.eventLogger as EventLoggerOptions | undefined,
        mp4BinPath: MP4_WRITER,
        build: { ms: statSync(MP4_WRITER).mtimeMs },
      },
    });
    const listeners: { close(): Promise<void> }[] = [];
    try {
      const addresses: Addresses = {};
      const rtmpListener = listener("rtmp");
      if (rtmpListener) {
        const rtmp = new RtmpServer({ ...common, options: { publishKeys: config.rtmp?.publishKeys } });
        listeners.push(rtmp);
        addresses.rtmp = format(await rtmp.listen(rtmpListener));
      }
      const tsListener = listener("ts");
      if (tsListener) {
        const ts = new TsTcpServer({ ...common, streamName: config.ts?.streamName ?? DEFAULT_TS_NAME });
        listeners.push(ts);
        addresses.ts = format(await ts.listen(tsListener));
      }
      const opened = await control.start({
        http: listener("http"),
        jsonCli: listener("jsonCli"),
        asciiCli: listener("asciiCli"),
      });
      for (const name of ["http", "jsonCli", "asciiCli"] as const)
        if (opened[name]) addresses[name] = format(opened[name]);
      return new ReelServer(recorder, addresses, listeners, pulls, control);
    } catch (error) {
      for (const listener of listeners) await listener.close();
      await pulls.close();
      await control.close();
      await recorder.close();
      throw error;
    }
  }

  /** The file appears whole: others wait for it. */
  writeReadyFile(path: string): void {
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, `${JSON.stringify({ pid: process.pid, ...this.addresses })}\n`);
    renameSync(temporary, path);
  }

  /** Stops accepting, drains, finishes, sends the events. */
  async close(): Promise<void> {
    this.control.stopAccepting();
    for (const listener of this.listeners) await listener.close();
    await this.pulls.close();
    await this.recorder.close();
    await this.control.close();
  }
}

function format({ host, port }: ListenerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
