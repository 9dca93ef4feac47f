// `reel send '<command line>'`: one command to a running server over its WebSocket; the reply as EMS's telnet listener
// prints it, or as JSON.

import type { Command } from "commander";
import { connect } from "../client/control-client.js";
import { renderHuman } from "../control/replies/human.js";
import type { Reply } from "../control/replies/reply.js";

interface SendFlags {
  url?: string;
  token?: string;
  user?: string;
  json?: boolean;
}

export function addSendCommand(program: Command): void {
  program
    .command("send")
    .description("send one command to a running server and print its reply; exit code 1 on FAIL")
    .argument("<command...>", "such as: record localStreamName=cam1 pathToFile=cam1 type=mp4 chunkLength=60")
    .option("--url <url>", "the server's WebSocket (default: ws://127.0.0.1:7777/ws)")
    .option("--token <token>", "token of a protected server (or REEL_TOKEN)")
    .option("--user <user:password>", "Basic credentials of a protected server (or REEL_USER)")
    .option("--json", "print the reply as JSON")
    .action(async (words: string[], flags: SendFlags) => {
      process.exitCode = await send(words.join(" "), flags);
    });
}

async function send(line: string, flags: SendFlags): Promise<number> {
  const token = flags.token ?? process.env.REEL_TOKEN;
  const [user, ...password] = (flags.user ?? process.env.REEL_USER ?? "").split(":");
  const url = flags.url ?? process.env.REEL_URL;
  try {
    const client = await connect({
      reconnect: false,
      ...(url && { url }),
      ...(token && { token }),
      ...(user && { user, password: password.join(":") }),
    });
    const reply = await client.send(line);
    await client.close();
    if (flags.json) console.log(JSON.stringify(reply));
    else process.stdout.write(renderHuman(line.trim().split(/\s+/)[0] ?? "", reply as Reply).replaceAll("\r\n", "\n"));
    return reply.status === "SUCCESS" ? 0 : 1;
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    const hint = code === "ECONNREFUSED" ? "; is the server running? (reel serve, or --url for another address)" : "";
    console.error(`reel send: ${message || String(code)}${hint}`);
    return 1;
  }
}
