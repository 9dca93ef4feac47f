// How commands of the command line reach a running server: where it is, what it wants to see, and what to say where it
// does not answer.

import type { Command } from "commander";
import { connect, type ReelClient } from "../client/control-client.js";

export interface ConnectionFlags {
  url?: string;
  token?: string;
  user?: string;
}

export function addConnectionOptions(command: Command): Command {
  return command
    .option("--url <url>", "the server's WebSocket (or REEL_URL; default: ws://127.0.0.1:7777/ws)")
    .option("--token <token>", "token of a protected server (or REEL_TOKEN)")
    .option("--user <user:password>", "Basic credentials of a protected server (or REEL_USER)");
}

export function openClient(flags: ConnectionFlags, isLasting = false): Promise<ReelClient> {
  const token = flags.token ?? process.env.REEL_TOKEN;
  const [user, ...password] = (flags.user ?? process.env.REEL_USER ?? "").split(":");
  const url = flags.url ?? process.env.REEL_URL;
  return connect({
    reconnect: isLasting,
    ...(url && { url }),
    ...(token && { token }),
    ...(user && { user, password: password.join(":") }),
  });
}

/** Closes the client whatever happens: an open one keeps the process alive. */
export async function withClient<T>(flags: ConnectionFlags, use: (client: ReelClient) => Promise<T>): Promise<T> {
  const client = await openClient(flags);
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Why a server could not be asked, and what to do. */
export function connectionFailure(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED")
    return `${message || code}; is the server running? (reel serve, or --url for another address)`;
  if (/server response: 401/.test(message))
    return "the server wants credentials: give its token with --token or REEL_TOKEN, or --user user:password";
  if (/server response: 404/.test(message)) return "the server has no WebSocket at this path; it is at /ws";
  return message || String(code);
}
