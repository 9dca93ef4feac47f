// `reel demo`: shows all of Reel in ten seconds and needs only Node. A server on free ports, a publisher that sends
// the clip of this package over real RTMP, record commands over the WebSocket, and at the end the files, read back by
// Reel and, where it is installed, by ffprobe.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import type { Command } from "commander";
import { connect, type ReelClient } from "../client/control-client.js";
import { publishFlv, RtmpPublisher } from "../ingest/rtmp/publish-client.js";
import type { ServerConfig } from "../server/config-schema.js";
import { createLogger } from "../server/logging.js";
import { ReelServer } from "../server/server.js";
import { explainStartFailure } from "../server/start-failure.js";
import { verifyFile } from "../verify/verify-file.js";
import { clipLengthMs, readClip } from "./clip.js";
import { printTable } from "./text-table.js";
import { EXIT_FAILED } from "./usage.js";

const STREAM = "demo";
const DEMO_SECONDS = 10;
const MAX_SECONDS = 86_400;
const CHUNK_SECONDS = 4;
const PROGRESS_MS = 500;
const TYPES = ["mp4", "ts", "flv"] as const;

export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .description("publish a clip to a server of its own for ten seconds and record it to mp4, ts and flv")
    .option("--media <dir>", "where the files go", "media")
    .option("--seconds <n>", "how long", String(DEMO_SECONDS))
    .option("--json", "print only the files, one JSON object a line and file, as reel verify does")
    .action(async (flags: { media: string; seconds: string; json?: boolean }) => {
      const seconds = Number(flags.seconds);
      if (!(seconds >= 1 && seconds <= MAX_SECONDS)) {
        console.error(`reel demo: --seconds ${flags.seconds} is no number of seconds from 1 to ${MAX_SECONDS}`);
        process.exitCode = EXIT_FAILED;
        return;
      }
      process.exitCode = await demo(flags.media, seconds, flags.json === true);
    });
}

async function demo(media: string, seconds: number, isJson: boolean): Promise<number> {
  const say = isJson ? () => {} : console.log;
  const state = await mkdtemp(join(tmpdir(), "reel-demo-"));
  const config: ServerConfig = {
    media: { folders: [media] },
    state: { folder: state },
    listeners: { http: "127.0.0.1:0", rtmp: "127.0.0.1:0", rtsp: "off", jsonCli: "off", asciiCli: "off" },
  };
  let server: ReelServer;
  try {
    server = await ReelServer.start(config, createLogger("warn"));
  } catch (error) {
    await rm(state, { recursive: true, force: true });
    const explained = explainStartFailure(error, config);
    if (explained === undefined) throw error;
    console.error(`reel demo: ${explained}`);
    return EXIT_FAILED;
  }
  try {
    const url = `ws://${server.addresses.http}/ws`;
    say(`A server listens: RTMP on ${server.addresses.rtmp}, commands on ${url}`);
    say(`Dashboard, while it runs (--seconds 600 for longer): http://${server.addresses.http}/\n`);
    const files = await record(server, url, { seconds, say });
    say();
    return await showFiles(files, isJson);
  } finally {
    await server.close();
    await rm(state, { recursive: true, force: true });
  }
}

interface DemoRun {
  readonly seconds: number;
  readonly say: (text?: string) => void;
}

async function record(server: ReelServer, url: string, { seconds, say }: DemoRun): Promise<string[]> {
  const client = await connect({ url });
  const files: string[] = [];
  const events = client.events({ types: ["recordChunkCreated", "recordChunkClosed", "outStreamClosed"] });
  const growing = new Set<string>();
  for (const type of TYPES) {
    const line = `record localStreamName=${STREAM} pathToFile=${STREAM} type=${type} chunkLength=${CHUNK_SECONDS} overwrite=1 keepAlive=0`;
    const reply = await client.send(line);
    say(`> ${line}\n  ${reply.description}`);
    if (reply.status === "FAIL") throw new Error(reply.description);
  }
  say(`\nPublishing assets/clip.flv to rtmp://${server.addresses.rtmp}/live/${STREAM} for ${seconds} s\n`);
  const progress = setInterval(() => void showProgress(client, growing, say), PROGRESS_MS);
  const published = publishLoop(`rtmp://${server.addresses.rtmp}/live/${STREAM}`, seconds);
  let open = TYPES.length;
  for await (const event of events) {
    if (event.type === "recordChunkCreated") growing.add(event.payload.file);
    else if (event.type === "recordChunkClosed") {
      growing.delete(event.payload.file);
      files.push(event.payload.file);
    } else if (--open === 0) break;
  }
  await published;
  clearInterval(progress);
  await client.close();
  return files.sort();
}

/** Repeats the clip with continuous times, at the pace of its clock. */
async function publishLoop(url: string, seconds: number): Promise<void> {
  const tags = readClip();
  const lengthMs = clipLengthMs(tags);
  const publisher = await RtmpPublisher.open(url);
  const stop = AbortSignal.timeout(seconds * 1000);
  for (let offsetMs = 0; !stop.aborted; offsetMs += lengthMs)
    await publishFlv(publisher, tags, { paced: true, offsetMs, signal: stop });
  await publisher.close();
}

async function showProgress(client: ReelClient, growing: ReadonlySet<string>, say: DemoRun["say"]): Promise<void> {
  const streams = (await client.command("listStreams")).data ?? [];
  const outputs = streams.filter((stream) => stream.type.startsWith("OF"));
  const frames = outputs.reduce((sum, stream) => sum + stream.video.packetsCount + stream.audio.packetsCount, 0);
  const bytes = outputs.reduce((sum, stream) => sum + stream.video.bytesCount + stream.audio.bytesCount, 0);
  const current = [...growing].map((path) => basename(path)).join(" ");
  const line = `  streams ${streams.length}   frames ${String(frames).padStart(6)}   ${(bytes / 1e6).toFixed(2).padStart(6)} MB   ${current}`;
  if (say === console.log && process.stdout.isTTY) process.stdout.write(`\r\u001b[K${line}`);
  else say(line);
}

async function showFiles(files: readonly string[], isJson: boolean): Promise<number> {
  const rows: string[][] = [];
  let isSound = true;
  for (const file of files) {
    const report = await verifyFile(file);
    if (isJson) console.log(JSON.stringify(report));
    const frames = (kind: string): string => String(report.tracks.find((track) => track.kind === kind)?.frames ?? 0);
    isSound &&= report.defectCount === 0;
    const verdict = report.defectCount === 0 ? "sound" : `${report.defectCount} defects: ${report.defects[0]?.message}`;
    rows.push([
      relative(process.cwd(), file),
      `${(report.durationMs / 1000).toFixed(2)} s`,
      frames("video"),
      frames("audio"),
      `${(report.sizeBytes / 1024).toFixed(0)} KiB`,
      verdict,
      ffprobeFindings(file),
    ]);
  }
  if (!isJson) printTable(["file", "duration", "video", "audio", "size", "Reel reads", "ffprobe"], rows, [1, 2, 3, 4]);
  return isSound && files.length > 0 ? 0 : 1;
}

function ffprobeFindings(file: string): string {
  const { error, status, stderr } = spawnSync("ffprobe", ["-v", "warning", "-show_entries", "packet=pts", file], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (error) return "not installed";
  return status === 0 && stderr === "" ? "no complaint" : (stderr.split("\n")[0] ?? "failed");
}
