// Reel itself, as a user runs it: `reel serve` in a process of its own, one `record` command per stream over its
// WebSocket, sent before the streams come.

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import {
  type RecordingServer,
  type RunningServer,
  ServerProcess,
  type StartOptions,
  waitFor,
} from "./recording-server.js";

const program = fileURLToPath(new URL("../../dist/cli/reel.js", import.meta.url));
const projectPackage = fileURLToPath(new URL("../../package.json", import.meta.url));

/** How long the last files may take, which are all closed at once. */
const SETTLE_MS = 20_000;
const SETTLE_MS_PER_STREAM = 30;

interface Ready {
  http: string;
  rtmp: string;
}

export interface ReelOptions extends StartOptions {
  /** More of every record command: `chunkLength=5`. */
  recordArgs?: string;
  /** More of the server's command line. */
  serverArgs?: readonly string[];
  /** Runs Node with these: `--cpu-prof`. */
  nodeArgs?: readonly string[];
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>;
}

export interface RunningReel extends RunningServer {
  commands: CommandChannel;
  process: ServerProcess;
  media: string;
  /** Records streams of these names, whenever they come. */
  record(streams: readonly string[], recordArgs?: string): Promise<void>;
}

export async function startReel({
  folder,
  streams,
  type,
  recordArgs = "",
  serverArgs = [],
  nodeArgs = [],
  env = {},
}: ReelOptions): Promise<RunningReel> {
  const media = join(folder, "media");
  const readyFile = join(folder, "ready.json");
  const listeners = [
    "--http",
    "127.0.0.1:0",
    "--rtmp",
    "127.0.0.1:0",
    "--rtsp",
    "127.0.0.1:0",
    "--json-cli",
    "127.0.0.1:0",
    "--ascii-cli",
    "127.0.0.1:0",
  ];
  const args = [
    "serve",
    "--media",
    media,
    "--state",
    join(folder, "state"),
    ...listeners,
    "--ready-file",
    readyFile,
    "--log-level",
    "warn",
    ...serverArgs,
  ];
  const server = new ServerProcess(process.execPath, [...nodeArgs, program, ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
  });
  await waitFor("reel is ready", server, () => existsSync(readyFile));
  const ready = JSON.parse(readFileSync(readyFile, "utf8")) as Ready;
  const commands = await CommandChannel.open(`ws://${ready.http}/ws`);
  const wanted = new Set<string>();
  const record = async (names: readonly string[], more = "keepAlive=0"): Promise<void> => {
    for (const name of names) {
      wanted.add(name);
      await commands.send(`record localStreamName=${name} pathToFile=${name} type=${type} ${more} ${recordArgs}`);
    }
  };
  await record(streams);
  const { version } = JSON.parse(readFileSync(projectPackage, "utf8")) as { version: string };
  // A stream's files: its name, and `_partNNNN` or `_NNNN` behind it.
  const own = (stream: string, suffix: string) =>
    (existsSync(media) ? readdirSync(media) : [])
      .filter((name) => name.endsWith(suffix) && (name === `${stream}${suffix}` || name.startsWith(`${stream}_`)))
      .sort()
      .map((name) => join(media, name));
  return {
    title: `Reel ${version}, ${type}`,
    pid: server.pid,
    port: Number(ready.rtmp.split(":").at(-1)),
    app: "live",
    process: server,
    media,
    commands,
    record,
    filesOf: (stream) => own(stream, `.${type}`),
    growingFile(stream) {
      if (type !== "mp4") return { path: join(media, `${stream}.${type}`), kind: type };
      return { path: join(media, `${stream}.mp4.track1`), kind: "mp4-journal" };
    },
    settled: () => {
      const areFinished = (): boolean => {
        const names = readdirSync(media);
        return (
          !names.some((name) => name.endsWith(".info") || name.endsWith(".mdat")) &&
          [...wanted].every((stream) => own(stream, `.${type}`).length > 0)
        );
      };
      return waitFor("recordings are finished", server, areFinished, SETTLE_MS + wanted.size * SETTLE_MS_PER_STREAM);
    },
    async stop() {
      commands.close();
      await server.stop();
    },
  };
}

export const reel: RecordingServer = {
  name: "reel",
  types: ["mp4", "ts", "flv"],
  missing: () => (existsSync(program) ? undefined : "dist/cli/reel.js: npm ci && npm run build"),
  start: startReel,
};

/** The same with manifests: what their hashes cost. */
export const reelManifest: RecordingServer = {
  ...reel,
  name: "reel-manifest",
  start: async (options) => {
    const running = await startReel({ ...options, recordArgs: "manifest=1" });
    return Object.assign(running, { title: `${running.title}, manifest=1` });
  },
};

/** The same with threads that read the publishers. */
export const reelIngest = (workers: number): RecordingServer => ({
  ...reel,
  name: `reel-ingest-${workers}`,
  start: async (options) => {
    const config = join(options.folder, "ingest.json");
    writeFileSync(config, JSON.stringify({ ingest: { workers } }));
    const running = await startReel({ ...options, serverArgs: ["--config", config] });
    return Object.assign(running, { title: `${running.title}, ingest.workers=${workers}` });
  },
});

/** Commands in order, one reply each. */
export class CommandChannel {
  #socket: WebSocket;
  #waiting: { resolve: (reply: string) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (message) => this.#waiting.shift()?.resolve(String(message)));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the command channel is closed"));
    });
  }

  static open(url: string): Promise<CommandChannel> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.once("open", () => resolve(new CommandChannel(socket)));
      socket.once("error", reject);
    });
  }

  /** Throws where the reply is a failure. */
  async send(command: string): Promise<string> {
    const reply = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.send(command);
    });
    if (!reply.includes("SUCCESS") && !reply.startsWith("Command entered successfully!"))
      throw new Error(`${command}: ${reply}`);
    return reply;
  }

  close(): void {
    this.#socket.close();
  }
}
