// The state that every page shows: asked anew every two seconds, and at once when an event says that something changed.
// Counters need the first, everything that begins or ends comes with the second. A hidden page asks for nothing.

import { batch, signal } from "@preact/signals";
import { Repeater } from "../lib/repeater.js";
import { channelUrl, get, RequestFailed } from "./api.js";
import { EventChannel } from "./event-channel.js";
import { StreamHistory } from "./history.js";
import { isOfNodes, nodes, nodesOf, type OfAll, ownOf, unanswered } from "./nodes.js";
import type { ConfigState, ServerEvent, ServerState, StreamState, VolumeState } from "./server-types.js";
import { askSession, session } from "./session.js";
import { isVisible } from "./visibility.js";

export type Connection = "connecting" | "live" | "lost" | "refused";

/** Undefined until the server has answered. */
export const streams = signal<readonly StreamState[] | undefined>(undefined);
export const configs = signal<readonly ConfigState[] | undefined>(undefined);
export const volumes = signal<readonly VolumeState[]>([]);
export const server = signal<ServerState | undefined>(undefined);
/** Of all cores, 0 to 1; undefined until there are two answers. */
export const cpuShare = signal<number | undefined>(undefined);
export const connection = signal<Connection>("connecting");
/** Why the server gives no events, where it does not. */
export const refusal = signal("");
/** Newest first. */
export const events = signal<readonly ServerEvent[]>([]);
export const history = new StreamHistory();
/** Counts the answers, for what is drawn of the history. */
export const beat = signal(0);

const INTERVAL_MS = 2000;
/** Events come in bursts. */
const EVENT_DELAY_MS = 250;
const SLOW_EVERY = 2;
/** Configs change with events and commands; only the tries of pulls go on without. */
const CONFIGS_EVERY = 5;
const MAX_EVENTS = 1000;
const FILE_EVENTS = new Set(["recordChunkCreated", "recordChunkClosed", "recordChunkError", "segmentDeleted"]);
/** They change nothing that is shown but the list of events. */
const IDLE_EVENTS = new Set(["cliRequest", "cliResponse", "timerCreated", "timerTriggered", "timerClosed"]);

/** Told of files that began, closed or went; the stream is undefined where that is not known. */
type FileListener = (stream: string | undefined) => void;

const fileListeners = new Set<FileListener>();
let asking: Repeater | undefined;
let turns = 0;
let areConfigsOld = true;
let lastCpu: { cpuMs: number; upTimeMs: number } | undefined;

/** Hands back what ends it. */
export function onFileChange(listener: FileListener): () => void {
  fileListeners.add(listener);
  return () => fileListeners.delete(listener);
}

export function tellFileChange(stream: string | undefined): void {
  for (const listener of fileListeners) listener(stream);
}

/** Until what it hands back is called; then nothing is left of what this viewer was told. */
export function startLive(): () => void {
  const own = new Repeater(refresh, { shortestMs: EVENT_DELAY_MS, everyMs: INTERVAL_MS });
  asking = own;
  const channel = new EventChannel({
    url: channelUrl("/ws"),
    onEvent: takeEvent,
    onOpen: (isAgain) => {
      connection.value = "live";
      refreshSoon(0);
      if (isAgain) tellFileChange(undefined);
    },
    onLost: () => {
      connection.value = "lost";
    },
    onRefused: (reason) => {
      batch(() => {
        connection.value = "refused";
        refusal.value = reason;
      });
    },
    mayReturn,
  });
  channel.open();
  const stopLooking = isVisible.subscribe(() => own.ask());
  return () => {
    channel.close();
    stopLooking();
    own.stop();
    asking = undefined;
    forgetAll();
  };
}

/** Asks anew, shortly: something happened. */
export function refreshSoon(delayMs = EVENT_DELAY_MS): void {
  areConfigsOld = true;
  asking?.ask(delayMs);
}

/** A server that does not answer says nothing of the login. */
async function mayReturn(): Promise<boolean> {
  await askSession().catch(() => {});
  return session.value?.role != null;
}

function forgetAll(): void {
  batch(() => {
    streams.value = undefined;
    configs.value = undefined;
    nodes.value = undefined;
    unanswered.value = [];
    volumes.value = [];
    server.value = undefined;
    cpuShare.value = undefined;
    connection.value = "connecting";
    refusal.value = "";
    events.value = [];
    history.clear();
    lastCpu = undefined;
    turns = 0;
    areConfigsOld = true;
  });
}

async function refresh(ending: AbortSignal): Promise<void> {
  if (!isVisible.value) return;
  try {
    await askAll(ending);
  } catch (error) {
    areConfigsOld = true;
    if (!ending.aborted && error instanceof RequestFailed && error.status === 401) await askSession().catch(() => {});
  }
}

async function askAll(ending: AbortSignal): Promise<void> {
  const isSlowTurn = turns % SLOW_EVERY === 0;
  const areConfigsAsked = areConfigsOld || turns % CONFIGS_EVERY === 0;
  turns++;
  areConfigsOld = false;
  const [told, stored, ofServer, ofVolumes] = await Promise.all([
    get<OfAll<{ streams: StreamState[] }>>("/api/streams?node=all", ending),
    areConfigsAsked ? get<OfAll<{ configs: ConfigState[] }>>("/api/configs?node=all", ending) : undefined,
    isSlowTurn ? get<ServerState>("/api/server", ending) : undefined,
    isSlowTurn ? get<{ volumes: VolumeState[] }>("/api/volumes", ending) : undefined,
  ]);
  if (ending.aborted) return;
  batch(() => {
    nodes.value = nodesOf(told, stored, nodes.value ?? []);
    unanswered.value = isOfNodes(told) ? told.unanswered : [];
    const own = ownOf(told).streams;
    history.add(nodes.value?.flatMap((node) => node.streams) ?? own, Date.now());
    streams.value = own;
    if (stored) configs.value = ownOf(stored).configs;
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
  events.value = [event, ...events.value].slice(0, MAX_EVENTS);
  if (FILE_EVENTS.has(event.type)) {
    const { localStreamName } = event.payload;
    tellFileChange(typeof localStreamName === "string" ? localStreamName : undefined);
  }
  if (!IDLE_EVENTS.has(event.type)) refreshSoon();
}
