// RTSP messages (RFC 2326 §4 to §7): a first line, headers, an empty line, a body. What is read is taken leniently,
// since cameras end lines and write names as they like; what is written has no line break but its own.

import { MAX_HEADERS, REASONS, RTSP_VERSION } from "./rtsp-protocol.js";

/** By lower-case name, in the order in which they came. */
export class RtspHeaders {
  readonly #values = new Map<string, string[]>();

  add(name: string, value: string): void {
    const key = name.toLowerCase();
    const values = this.#values.get(key);
    if (values) values.push(value);
    else this.#values.set(key, [value]);
  }

  /** The first of that name; empty where there is none. */
  get(name: string): string {
    return this.#values.get(name)?.[0] ?? "";
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

export interface RtspResponse {
  readonly kind: "response";
  readonly status: number;
  readonly reason: string;
  readonly headers: RtspHeaders;
  readonly body: Buffer;
}

export interface RtspRequest {
  readonly kind: "request";
  readonly method: string;
  readonly uri: string;
  readonly headers: RtspHeaders;
  readonly body: Buffer;
}

export type RtspMessage = RtspResponse | RtspRequest;

const RESPONSE_LINE = /^RTSP\/\d\.\d +(\d{3})(?: +(.*))?$/s;
const REQUEST_LINE = /^([A-Z_]+) +(\S+)(?: +RTSP\/\d\.\d)? *$/;

export type MessageHead = Omit<RtspResponse, "body"> | Omit<RtspRequest, "body">;

/** Reads the first line and the headers. Undefined for what is no RTSP message. */
export function parseHead(text: string): MessageHead | undefined {
  const [first = "", ...lines] = text.split(/\r?\n|\r/);
  const response = RESPONSE_LINE.exec(first);
  if (response) {
    const [, status, reason = ""] = response;
    return { kind: "response", status: Number(status), reason, headers: parseHeaders(lines) };
  }
  const [, method, uri] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || uri === undefined) return undefined;
  return { kind: "request", method, uri, headers: parseHeaders(lines) };
}

function parseHeaders(lines: readonly string[]): RtspHeaders {
  const headers = new RtspHeaders();
  let name = "";
  let value = "";
  let count = 0;
  const add = (): void => {
    if (name !== "" && count++ < MAX_HEADERS) headers.add(name, value);
    name = "";
  };
  for (const line of lines) {
    // A line that begins with white space goes on with the header before it (RFC 822).
    if (/^[ \t]/.test(line)) {
      value += ` ${line.trim()}`;
      continue;
    }
    add();
    // No expression: on a line of blanks it would try every way to part them.
    const colon = line.indexOf(":");
    name = line.slice(0, Math.max(0, colon)).trim();
    value = line.slice(colon + 1).trim();
    if (/\s/.test(name)) name = "";
  }
  add();
  return headers;
}

/** Header values by name; undefined ones are left out. */
export type HeaderValues = Readonly<Record<string, string | number | undefined>>;

export function writeRequest(method: string, uri: string, headers: HeaderValues, body = ""): Buffer {
  return writeMessage(`${method} ${uri} ${RTSP_VERSION}`, headers, body);
}

export function writeResponse(status: number, headers: HeaderValues, body = "", reason = REASONS[status]): Buffer {
  return writeMessage(`${RTSP_VERSION} ${status} ${reason ?? "Error"}`, headers, body);
}

function writeMessage(first: string, headers: HeaderValues, body: string): Buffer {
  const lines = [first];
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) lines.push(`${name}: ${value}`);
  if (body !== "") lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  // A value that came from outside must not begin a header of its own.
  const head = lines.map((line) => line.replace(/[\r\n\0]+/g, " ")).join("\r\n");
  return Buffer.from(`${head}\r\n\r\n${body}`);
}
