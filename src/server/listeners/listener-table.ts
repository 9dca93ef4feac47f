// Every listener of the server, in the order in which they are opened and shown: publishers first, so that a command
// that is answered finds them. The schema, the flags, the environment, the start-up text and the ready file follow this
// table. A listener's name is its key in `listeners` of reel.json and in the ready file, its flag in kebab case
// (`--json-cli`), its environment variable in upper case (REEL_JSON_CLI).

import { listenAsciiCli } from "./listen-ascii-cli.js";
import { listenHttp } from "./listen-http.js";
import { listenJsonCli } from "./listen-json-cli.js";
import { listenRtmp } from "./listen-rtmp.js";
import { listenRtmps } from "./listen-rtmps.js";
import { listenRtsp } from "./listen-rtsp.js";
import { listenTs } from "./listen-ts.js";
import type { ListenerEntry } from "./listener-entry.js";

export const LISTENERS = {
  rtmp: listenRtmp,
  rtmps: listenRtmps,
  rtsp: listenRtsp,
  ts: listenTs,
  http: listenHttp,
  jsonCli: listenJsonCli,
  asciiCli: listenAsciiCli,
} as const;

export type ListenerName = keyof typeof LISTENERS;

export const LISTENER_NAMES = Object.keys(LISTENERS) as readonly ListenerName[];

export function listenerEntry(name: ListenerName): ListenerEntry {
  return LISTENERS[name];
}
