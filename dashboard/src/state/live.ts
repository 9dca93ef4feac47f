// The state that every page shows: asked anew every two seconds, and at once when an event says that something changed.
// Counters need the first, everything that begins or ends comes with the second. A hidden page asks for nothing.

import { batch, signal } from "@preact/signals";
import { get, RequestFailed } from "./api.js";
import { EventChannel } from "./event-channel.js";
import { StreamHistory } from "./history.js";
import type { ConfigState, ServerEvent, ServerState, StreamState, VolumeState } from "./server-types.js";
import { askSession, session } from "./session.js";

export type Connection = "connecting" | "live" | "lost";

/** Undefined until the server has answered. */
export const streams = signal<readonly StreamState[] | undefined>(undefined);
export const configs = signal<readonly ConfigState[] | undefined>(undefined);
export const volumes = signal<readonly VolumeState[]>([]);
export const server = signal<ServerState | undefined>(undefined);
/** Of all cores, 0 to 1; undefined until there are two answers. */
export const cpuShare = signal<number | undefined>(undefined);
export const connection = signal<Connection>("connecting");
/** Newest first. */
export const events = signal<readonly ServerEvent[]>([]);
/** How many files the recordings have begun, closed or lost: lists of files are asked anew. */
export const fileChanges = signal(0);
export const history = new StreamHistory();
/** Counts the answers, for what is drawn of the history. */
export const beat = signal(0);

const INTERVAL_MS = 2000;
/** Events come in bursts. */
const EVENT_DELAY_MS = 250;
const SLOW_EVERY = 2;
const MAX_EVENTS = 1000;
const FILE_EVENTS = new Set(["recordChunkCreated", "recordChunkClosed", "recordChunkError", "segmentDeleted"]);

let timer: ReturnType<typeof setTimeout> | undefined;
let turns = 0;
let lastCpu: { cpuMs: number; upTimeMs: number } | undefined;

export function startLive(): () => void {
  const channel = new EventChannel({
    onEvent: takeEvent,
    onState: (isOpen) => {
      connection.value = isOpen ? "live" : "lost";
      if (isOpen) refreshSoon();
    },
  });
  channel.open();
  const onVisible = (): void => {
    if (document.visibilityState === "visible") refreshSoon(0);
  };
  document.addEventListener("visibilitychange", onVisible);
  refreshSoon(0);
  return () => {
    channel.close();
    document.removeEventListener("visibilitychange", onVisible);
    clearTimeout(timer);
    timer = undefined;
  };
}

/** Asks anew, shortly. */
export function refreshSoon(delayMs = EVENT_DELAY_MS): void {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(), delayMs);
}

async function refresh(): Promise<void> {
  const own = timer;
  if (document.visibilityState === "visible")
    try {
      await askAll();
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 401) await askSession().catch(() => {});
    }
  // Something else may have asked for a turn meanwhile.
  if (timer === own && session.value?.role) timer = setTimeout(() => void refresh(), INTERVAL_MS);
}

async function askAll(): Promise<void> {
  const isSlowTurn = turns++ % SLOW_EVERY === 0;
  const [told, stored, ofServer, ofVolumes] = await Promise.all([
    get<{ streams: StreamState[] }>("/api/streams"),
    get<{ configs: ConfigState[] }>("/api/configs"),
    isSlowTurn ? get<ServerState>("/api/server") : undefined,
    isSlowTurn ? get<{ volumes: VolumeState[] }>("/api/volumes") : undefined,
  ]);
  batch(() => {
    history.add(told.streams, Date.now());
    streams.value = told.streams;
    configs.value = stored.configs;
    if (ofServer) takeServer(ofServer);
    if (ofVolumes) volumes.value = ofVolumes.volumes;
    beat.value++;
  });
}

function takeServer(state: ServerState): void {
  if (lastCpu && state.upTimeMs > lastCpu.upTimeMs)
    cpuShare.value = (state.cpuMs - lastCpu.cpuMs) / (state.upTimeMs - lastCpu.upTimeMs) / state.cores;
  lastCpu = state;
  server.value = state;
}

function takeEvent(event: ServerEvent): void {
  batch(() => {
    events.value = [event, ...events.value].slice(0, MAX_EVENTS);
    if (FILE_EVENTS.has(event.type)) fileChanges.value++;
  });
  refreshSoon();
}
