// A recorder and its pull sources in this process, in folders of its own: what comes in is recorded, and the closed
// files are kept for the validators.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../src/base/logger.js";
import type { ClosedSegmentReport } from "../../src/catalog/segment-report.js";
import { PullSources, type PullSourcesOptions } from "../../src/ingest/pull/pull-sources.js";
import type { SourceRequest } from "../../src/ingest/source.js";
import type { RecordOptions } from "../../src/recording/record-config.js";
import { Recorder } from "../../src/recording/recorder.js";
import { until } from "./until.js";

/** What `pullStream` asks for by default. */
export function sourceRequest(given: Partial<SourceRequest>): SourceRequest {
  return {
    configId: 7,
    uri: "",
    localStreamName: "s",
    keepAlive: true,
    forceTcp: false,
    emulateUserAgent: "",
    ssmIp: "",
    rangeStart: -2,
    rangeEnd: -1,
    tcUrl: "",
    pageUrl: "",
    swfUrl: "",
    ...given,
  };
}

export class PullFixture {
  readonly closed: ClosedSegmentReport[] = [];
  /** Codes in order, by config. */
  readonly codes = new Map<number, number[]>();
  #nextConfigId = 1000;

  private constructor(
    readonly folder: string,
    readonly recorder: Recorder,
    readonly pulls: PullSources,
    readonly log: readonly string[],
  ) {
    recorder.on("segmentClosed", (report) => this.closed.push(report));
  }

  static async open(options: Partial<PullSourcesOptions> = {}): Promise<PullFixture> {
    const folder = await mkdtemp(join(tmpdir(), "reel-pull-"));
    const recorder = await Recorder.open({
      mediaFolders: [join(folder, "media")],
      stateFolder: join(folder, "state"),
      workers: 1,
      arenaMib: 256,
    });
    const log: string[] = [];
    const write = (context: object, message: string): void => {
      log.push(`${message} ${JSON.stringify(context)}`);
    };
    const logger: Logger = { debug: write, info: write, warn: write };
    const pulls = new PullSources({
      registry: recorder.streams,
      arena: recorder.arena,
      clock: recorder.clock,
      logger,
      fileFolders: [folder, process.env.REEL_CLIP_FOLDER ?? folder],
      ...options,
    });
    return new PullFixture(folder, recorder, pulls, log);
  }

  /** Starts a source; returns its config id. */
  pull(uri: string, localStreamName: string, options: Partial<SourceRequest> = {}): number {
    const configId = this.#nextConfigId++;
    const codes: number[] = [];
    this.codes.set(configId, codes);
    const request = sourceRequest({ configId, uri, localStreamName, ...options });
    this.pulls.start(request, (code) => codes.push(code));
    return configId;
  }

  record(localStreamName: string, type: "mp4" | "ts" | "flv", options: Partial<RecordOptions> = {}): Promise<unknown> {
    return this.recorder.record({ localStreamName, pathToFile: `${localStreamName}-${type}`, type, ...options });
  }

  /** Video frames that a stream has delivered so far. */
  frames(localStreamName: string): number {
    return this.recorder.streams.get(localStreamName)?.statistics[0]?.frames ?? 0;
  }

  async untilClosed(count: number): Promise<ClosedSegmentReport[]> {
    await until(`${count} files are closed`, () => this.closed.length >= count, 30_000);
    return this.closed;
  }

  async close(): Promise<void> {
    await this.pulls.close();
    await this.recorder.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A TCP port that was free a moment ago, for programs that must be told one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

const rtspServers = new Set<ChildProcess>();

export interface RtspServerOptions {
  port?: number;
  address?: "127.0.0.1" | "::1";
  /** It ends when it is asked to play. */
  isDying?: boolean;
}

export interface RunningRtspServer {
  port: number;
  /** Of the first file. */
  url: string;
  /** Of a file by its place. */
  urlOf(index: number): string;
  kill(): Promise<void>;
  readonly exited: Promise<unknown>;
}

/**
 * Starts the RTSP server on files (`FILE,VIDEO,SOUND` where they are not H.264 and AAC), or on pictures without an end;
 * resolves when it listens.
 */
export async function startRtspServer(
  files: string | readonly string[],
  { port = 0, address = "127.0.0.1", isDying = false }: RtspServerOptions = {},
): Promise<RunningRtspServer> {
  const script = fileURLToPath(new URL("rtsp-server.py", import.meta.url));
  const paths = files === "live" ? [] : [files].flat();
  const args = ["--port", String(port), "--address", address, ...(isDying ? ["--die"] : []), ...paths];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "/usr/bin/python3", script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  rtspServers.add(child);
  let stderr = "";
  child.stderr.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(-4096);
  });
  const exited = once(child, "close").then(() => rtspServers.delete(child));
  const line = await Promise.race([
    once(child.stdout, "data").then(([bytes]) => (bytes as Buffer).toString()),
    exited.then(() => ""),
  ]);
  if (line === "") throw new Error(`the RTSP server did not start: ${stderr}`);
  const bound = Number(line);
  const host = address === "::1" ? "[::1]" : address;
  const urlOf = (index: number): string => `rtsp://${host}:${bound}/live${index || ""}`;
  return {
    port: bound,
    url: urlOf(0),
    urlOf,
    exited,
    kill: async () => {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export async function stopRtspServers(): Promise<void> {
  for (const child of [...rtspServers]) {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}
