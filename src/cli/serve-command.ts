// `reel serve`: runs the server until SIGTERM or SIGINT. The first signal drains, finishes, sends the events and exits
// 0; a second one exits at once and leaves the journals to the next start. SIGHUP means the same where the server was
// started on a terminal (whose closing it is), and reloads the configuration elsewhere. SIGUSR2 opens the log again.

import { closeSync, openSync } from "node:fs";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { volumeCallsUnderWay } from "../base/volume-calls.js";
import { type ConfigFlags, configReader } from "../server/config.js";
import { type ServerConfig, ServerConfigSchema } from "../server/config-schema.js";
import { flagName } from "../server/flag-name.js";
import { LISTENER_NAMES, LISTENERS, listenerEntry } from "../server/listeners/listener-table.js";
import { openLog, type ServerLog } from "../server/logging.js";
import { ReelServer } from "../server/server.js";
import { explainStartFailure } from "../server/start-failure.js";
import { EXIT_FAILED } from "./usage.js";

/** A write that hangs keeps a thread that `process.exit` would wait for; SIGKILL does not (design.md §2). */
const SHUTDOWN_LIMIT_MS = 60_000;
const VOLUME_PATIENCE_MS = 3_000;
const SIGNAL_EXIT_CODE = 130;
/** npm passes on the Ctrl-C that the terminal has already sent: two signals within a moment are one wish. */
const SAME_KEY_MS = 2000;
const TITLE_WIDTH = 26;
const CLIP = fileURLToPath(new URL("../../assets/clip.flv", import.meta.url));

interface ServeFlags extends ConfigFlags {
  readyFile?: string;
  discardConfigs?: boolean;
}

export function addServeCommand(program: Command): void {
  const command = program
    .command("serve")
    .description("run the recorder")
    .option("--config <path>", "configuration file (default: reel.json, where there is one)")
    .option("--media <dir>", "folder that recordings are written below (default: media)")
    .option("--state <dir>", "folder of record configs and ledger (default: .reel)")
    .option("--workers <n>", "threads that drain (default: one for every two cores)")
    .option("--log-level <level>", "debug, info, warn, error or silent (default: info)")
    .option("--log-file <path>", "write the log there instead of stderr; SIGUSR2 opens it again")
    .option("--token <token>", "token that HTTP and WebSocket clients must show")
    .option("--ready-file <path>", "written when the server listens: its pid and addresses as JSON")
    .option("--discard-configs", "start without stored configs of another version; their file is set aside")
    .action((flags: ServeFlags) => serve(flags));
  for (const name of LISTENER_NAMES) {
    const { description, defaultAddress } = listenerEntry(name);
    command.option(`${flagName(name)} <host:port>`, `${description} (default: ${defaultAddress})`);
  }
  program
    .command("config-schema")
    .description("print the JSON Schema of reel.json")
    .action(() => console.log(JSON.stringify(ServerConfigSchema, null, 2)));
}

/** Where one hangs, the exit would wait for it for ever. Everything is written by now. */
async function volumesAnswered(): Promise<void> {
  for (const sinceMs = performance.now(); volumeCallsUnderWay() > 0; await delay(20))
    if (performance.now() - sinceMs > VOLUME_PATIENCE_MS) process.kill(process.pid, "SIGKILL");
}

async function serve({ readyFile, discardConfigs = false, ...flags }: ServeFlags): Promise<void> {
  ignoreDuringStart();
  const readConfig = configReader(flags, process.env, process.cwd());
  let config: ServerConfig = {};
  try {
    config = readConfig();
    const log = await openLog({ level: config.log?.level ?? "info", file: config.log?.file });
    const server = await ReelServer.start(config, log.logger, { discardConfigs });
    // Whoever reads the ready file may send one.
    handleSignals(server, log, readConfig);
    // Before it is told that the server is ready, so that nobody meets the file that is tried.
    for (const fault of await server.unwritableFolders()) log.logger.warn({ reason: fault }, "nothing can be recorded");
    if (readyFile !== undefined) server.writeReadyFile(readyFile);
    printBanner(server, config.tls !== undefined);
  } catch (error) {
    const explained = explainStartFailure(error, config);
    if (explained === undefined) throw error;
    console.error(`reel: ${explained}`);
    process.exitCode = EXIT_FAILED;
  }
}

/**
 * What asks for a new configuration or a new log file finds both just opened; by default it would end the process. The
 * closing of a terminal does end it.
 */
function ignoreDuringStart(): void {
  process.on("SIGUSR2", () => {});
  if (!isOnTerminal()) process.on("SIGHUP", () => {});
}

function isOnTerminal(): boolean {
  return process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
}

function handleSignals(server: ReelServer, log: ServerLog, readConfig: () => ServerConfig): void {
  let stoppingSinceMs: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (stoppingSinceMs !== undefined) {
      if (performance.now() - stoppingSinceMs >= SAME_KEY_MS) process.kill(process.pid, "SIGKILL");
      return;
    }
    stoppingSinceMs = performance.now();
    const count = server.recorder.outStreams().length;
    console.log(`\n${signal}: finishing ${count} recording${count === 1 ? "" : "s"} (again to stop at once) …`);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), SHUTDOWN_LIMIT_MS).unref();
    const end = async (code: number): Promise<void> => {
      await log.flush();
      if (signal === "SIGHUP") leaveTerminal();
      await volumesAnswered();
      process.exit(code);
    };
    server.close().then(
      () => end(0),
      (error: Error) => {
        console.error(`reel: ${error.message}`);
        return end(SIGNAL_EXIT_CODE);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // Asked now: when the terminal closes it is no terminal any more.
  if (isOnTerminal()) {
    ignoreClosedTerminal();
    process.on("SIGHUP", (signal) => {
      if (stoppingSinceMs === undefined) stop(signal);
    });
  } else process.on("SIGHUP", () => reload(server, log, readConfig));
  process.on("SIGUSR2", () => log.reopen());
}

/** The first words to a terminal that is gone fail; they must not end what drains. */
function ignoreClosedTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/** Node would set the terminal back when it exits, and crashes where that is gone (20.20): it is not to find one. */
function leaveTerminal(): void {
  for (const fd of [0, 1, 2]) {
    closeSync(fd);
    openSync("/dev/null", "r+");
  }
}

function reload(server: ReelServer, log: ServerLog, readConfig: () => ServerConfig): void {
  try {
    const config = readConfig();
    const { live, needRestart } = server.reconfigure(config);
    log.setLevel(config.log?.level ?? "info");
    log.logger.info({ changed: live.join(", ") || "nothing" }, "configuration reloaded");
    if (needRestart.length > 0) log.logger.warn({ settings: needRestart.join(", ") }, "changes that need a restart");
  } catch (error) {
    log.logger.warn({ reason: (error as Error).message }, "configuration kept");
  }
}

function printBanner(server: ReelServer, hasTls: boolean): void {
  const { addresses, recorder } = server;
  const rows = LISTENER_NAMES.flatMap((name) => {
    const address = addresses[name];
    const { title, showAddress = (plain: string) => plain } = listenerEntry(name);
    const shown = address && (name === "http" && hasTls ? `wss://${address}/ws` : showAddress(address));
    return shown ? [`  ${title.padEnd(TITLE_WIDTH)} ${shown}`] : [];
  });
  if (addresses.http)
    rows.push(`  ${"dashboard".padEnd(TITLE_WIDTH)} ${hasTls ? "https" : "http"}://${addresses.http}/`);
  const publish = addresses.rtmp
    ? `  ffmpeg -re -stream_loop -1 -i ${shortPath(CLIP)} -c copy -f flv rtmp://${addresses.rtmp}/live/cam1\n`
    : "";
  const isUsual = addresses.http === LISTENERS.http.defaultAddress && !hasTls;
  const url = addresses.http && !isUsual ? ` --url ${hasTls ? "wss" : "ws"}://${addresses.http}/ws` : "";
  console.log(`Reel listens on\n${rows.join("\n")}\n
Try
${publish}  npx reel send${url} 'record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=60'
  ls -l ${recorder.mediaFolders.map(shortPath).join(" ")}
`);
}

/** From the working directory where that is shorter, in quotes where a shell needs them. */
function shortPath(path: string): string {
  const near = relative(process.cwd(), path);
  const shown = near !== "" && near.length < path.length ? near : path;
  return /^[\w./@:+-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
