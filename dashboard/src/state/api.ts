// Asks the server. Every request carries a header that no page of another origin can send, so that a session's cookie
// alone changes nothing.

import type { CommandName, CommandParameters } from "../../../src/client/control-protocol.js";

const HEADERS = { "Reel-Request": "dashboard" };

/** `status` 0: nobody answered. */
export class RequestFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, headers: { ...HEADERS, ...init.headers } });
  } catch {
    throw new RequestFailed(0, "The server does not answer");
  }
  const text = await answer.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (answer.ok) return value;
  const { error, description } = (value ?? {}) as { error?: string; description?: string };
  throw new RequestFailed(answer.status, error ?? description ?? `The server answers ${answer.status}`);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, signal ? { signal } : {})) as T;
}

export async function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body) })) as T;
}

export async function remove<T>(path: string): Promise<T> {
  return (await ask(path, { method: "DELETE" })) as T;
}

/** Carries a command out. Throws RequestFailed with the server's words where it is refused. */
export async function command<N extends CommandName>(name: N, parameters: CommandParameters[N]): Promise<string> {
  const reply = await post<{ status: string; description: string }>(`/${name}`, parameters);
  if (reply.status !== "SUCCESS") throw new RequestFailed(200, reply.description);
  return reply.description;
}

/** The command as a line, as `reel send` takes it. */
export function commandLine(name: string, parameters: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== "");
  return [name, ...given.map(([key, value]) => `${key}=${shown(value)}`)].join(" ");
}

function shown(value: unknown): string {
  const text = typeof value === "boolean" ? String(Number(value)) : String(value);
  return text.replace(/([\\ ,])/g, "\\$1");
}

/** Of a WebSocket at this server. */
export function channelUrl(path: string): string {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss" : "ws"}://${host}${path}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
