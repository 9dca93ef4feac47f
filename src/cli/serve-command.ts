// `reel serve`: runs the server until SIGTERM or SIGINT. The first signal drains, finishes, sends the events and exits
// 0; a second one exits at once and leaves the journals to the next start.

import type { Command } from "commander";
import { ReelError } from "../base/reel-error.js";
import { type ConfigFlags, flagName, loadConfig } from "../server/config.js";
import { ServerConfigSchema } from "../server/config-schema.js";
import { LISTENER_NAMES, LISTENERS, listenerEntry } from "../server/listeners/listener-table.js";
import { createLogger } from "../server/logging.js";
import { ReelServer } from "../server/server.js";

/** A write that hangs keeps a thread that `process.exit` would wait for; SIGKILL does not (design.md §2). */
const SHUTDOWN_LIMIT_MS = 60_000;
const SIGNAL_EXIT_CODE = 130;
const TITLE_WIDTH = 26;

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
    .option("--token <token>", "token that HTTP and WebSocket clients must show")
    .option("--ready-file <path>", "written when the server listens: its pid and addresses as JSON")
    .option("--discard-configs", "start without stored configs of another version; their file is set aside")
    .action(async (flags: ServeFlags) => {
      try {
        await serve(flags);
      } catch (error) {
        if (!(error instanceof ReelError)) throw error;
        console.error(`reel: ${error.message}`);
        process.exitCode = 1;
      }
    });
  for (const name of LISTENER_NAMES) {
    const { description, defaultAddress } = listenerEntry(name);
    command.option(`${flagName(name)} <host:port>`, `${description} (default: ${defaultAddress})`);
  }
  program
    .command("config-schema")
    .description("print the JSON Schema of reel.json")
    .action(() => console.log(JSON.stringify(ServerConfigSchema, null, 2)));
}

async function serve(flags: ServeFlags): Promise<void> {
  const config = loadConfig(flags, process.env, process.cwd());
  const logger = createLogger(config.log?.level ?? "info");
  const server = await ReelServer.start(config, logger, { discardConfigs: flags.discardConfigs ?? false });
  if (flags.readyFile !== undefined) server.writeReadyFile(flags.readyFile);
  printBanner(server);
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) process.kill(process.pid, "SIGKILL");
    isStopping = true;
    console.log(`\n${signal}: finishing ${server.recorder.outStreams().length} recordings (again to stop at once) …`);
    setTimeout(() => process.kill(process.pid, "SIGKILL"), SHUTDOWN_LIMIT_MS).unref();
    server.close().then(
      () => process.exit(0),
      (error: Error) => {
        console.error(`reel: ${error.message}`);
        process.exit(SIGNAL_EXIT_CODE);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

function printBanner(server: ReelServer): void {
  const { addresses, recorder } = server;
  const rows = LISTENER_NAMES.flatMap((name) => {
    const address = addresses[name];
    const { title, showAddress = (plain: string) => plain } = listenerEntry(name);
    return address ? [`  ${title.padEnd(TITLE_WIDTH)} ${showAddress(address)}`] : [];
  });
  const rtmp = addresses.rtmp ?? LISTENERS.rtmp.defaultAddress;
  const url =
    addresses.http && addresses.http !== LISTENERS.http.defaultAddress ? ` --url ws://${addresses.http}/ws` : "";
  console.log(`Reel listens on\n${rows.join("\n")}\n
Try
  ffmpeg -re -stream_loop -1 -i assets/clip.flv -c copy -f flv rtmp://${rtmp}/live/cam1
  npx reel send${url} 'record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=60'
  ls -l ${recorder.mediaFolders.join(" ")}
`);
}
