// Strangers that attack the listeners of a running server, seeded: connections that are half open, slow, huge,
// pipelined, or of another protocol. Each attack holds its sockets for a moment and lets go of them; `Attackers` runs
// as many at a time as a test wants, until it is told to stop.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { interleaved, pictureOf, recordOpening } from "./fake-camera.js";
import { messageBytes, obsOpening, plainHandshake, setChunkSize } from "./rtmp-bytes.js";

export type Listener = "http" | "https" | "jsonCli" | "asciiCli" | "rtmp" | "rtmps" | "rtsp" | "ts";

type Random = () => number;

interface Target {
  listener: Listener;
  host: string;
  port: number;
}

interface Attack {
  name: string;
  run(target: Target, random: Random, isOver: () => boolean): Promise<void>;
}

const TS_PACKET = Buffer.alloc(188, 0xff).fill(Buffer.of(0x47, 0x1f, 0xff, 0x10), 0, 4);
const TLS_HELLO = Buffer.from("16030100c8010000c40303", "hex");
const WEBSOCKET_OPENING = Buffer.from(
  "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
);
const openHttp = () => Buffer.from("GET /version HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n\r\n");
const openRtmp = () => obsOpening("live", "stranger");
const openRtsp = () => Buffer.concat([recordOpening("stranger"), interleaved(0, pictureOf(0))]);
/** How a client of each listener begins. */
const OPENINGS: Readonly<Record<Listener, () => Buffer>> = {
  http: openHttp,
  https: openHttp,
  jsonCli: () => Buffer.from("version\r\n"),
  asciiCli: () => Buffer.from("version\r\n"),
  rtmp: openRtmp,
  rtmps: openRtmp,
  rtsp: openRtsp,
  ts: () => TS_PACKET,
};
/** Behind TLS; the other listeners' bytes come in the open. */
const SECURE: ReadonlySet<Listener> = new Set(["https", "rtmps"]);
/** Of the connections to those, some never become secure: what is sent stands where a handshake is expected. */
const INSECURE_SHARE = 0.3;
const HOLD_MS = 1500;
const HUGE_BYTES = 4 << 20;
const PIPELINED = 500;

/** The TCP connection below each: only that can be reset. */
const carriers = new WeakMap<Socket, Socket>();

/** Undefined where the server does not take it. Bytes that come are read, and forgotten, unless `isDeaf`. */
async function dial({ listener, host, port }: Target, random: Random, isDeaf = false): Promise<Socket | undefined> {
  const isSecure = SECURE.has(listener) && random() >= INSECURE_SHARE;
  const tcp = connect(port, host).on("error", () => {});
  const socket = isSecure ? connectTls({ socket: tcp, rejectUnauthorized: false }) : tcp;
  socket.on("error", () => {});
  carriers.set(socket, tcp);
  if (isDeaf) socket.pause();
  else socket.resume();
  const opened = isSecure ? "secureConnect" : "connect";
  await new Promise((resolve) => socket.once(opened, resolve).once("close", resolve));
  return socket.destroyed ? undefined : socket;
}

/** Resolves when all is written, or the other side has gone. */
async function write(socket: Socket, bytes: Uint8Array, waitMs = HOLD_MS): Promise<void> {
  if (socket.destroyed || socket.write(bytes)) return;
  const over = new AbortController();
  const heard = { signal: over.signal };
  await Promise.race([
    once(socket, "drain", heard),
    once(socket, "close", heard),
    delay(waitMs, undefined, { ...heard, ref: false }),
  ]).catch(() => {});
  over.abort();
}

/** Ends it in one of the ways a client can go. */
function leave(socket: Socket, random: Random): void {
  const way = random();
  if (way < 0.3) carriers.get(socket)?.resetAndDestroy();
  else if (way < 0.6) socket.destroy();
  else {
    socket.end();
    setTimeout(() => socket.destroy(), 100).unref();
  }
}

function garbage(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

const halfOpen: Attack = {
  name: "half open",
  async run(target, random) {
    const begin = SECURE.has(target.listener) && random() < 0.5 ? TLS_HELLO : OPENINGS[target.listener]();
    const sockets = await Promise.all(Array.from({ length: 24 }, () => dial(target, random)));
    for (const socket of sockets) {
      if (!socket) continue;
      socket.write(begin.subarray(0, Math.floor(random() * (begin.byteLength - 1))));
      if (random() < 0.3) socket.end();
    }
    await delay(HOLD_MS * random());
    for (const socket of sockets) if (socket) leave(socket, random);
  },
};

const slow: Attack = {
  name: "slow",
  async run(target, random, isOver) {
    const socket = await dial(target, random);
    if (!socket) return;
    for (const byte of OPENINGS[target.listener]().subarray(0, 60)) {
      if (socket.destroyed || isOver()) break;
      socket.write(Buffer.of(byte));
      await delay(20 + random() * 60);
    }
    leave(socket, random);
  },
};

/** More than anything may be long: a line, a body, a frame, a message, a table. */
const huge: Attack = {
  name: "huge",
  async run(target, random, isOver) {
    const socket = await dial(target, random);
    if (!socket) return;
    const fill = Buffer.alloc(65536, random() < 0.5 ? 0x61 : 0xff);
    await write(socket, hugeBeginning(target.listener, random));
    for (let sent = 0; sent < HUGE_BYTES && !socket.destroyed && !isOver(); sent += fill.byteLength)
      await write(socket, fill);
    leave(socket, random);
  },
};

function hugeBeginning(listener: Listener, random: Random): Buffer {
  if (listener === "http" || listener === "https") {
    if (random() < 0.3) return Buffer.concat([WEBSOCKET_OPENING, Buffer.from("82ff7fffffffffffffff00000000", "hex")]);
    const length = random() < 0.5 ? "Content-Length: 99999999999" : "Transfer-Encoding: chunked";
    return Buffer.from(`POST /record HTTP/1.1\r\nHost: 127.0.0.1\r\n${length}\r\n\r\nfffffff\r\n`);
  }
  if (listener === "rtsp") {
    // A body without an end, a header without one, or packets that are none.
    const body = "ANNOUNCE rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ";
    const choice = random();
    if (choice < 0.3) return Buffer.from(`${body}99999999\r\n\r\n`);
    if (choice < 0.6) return Buffer.from(`${body}60000\r\n\r\n`);
    return choice < 0.8 ? Buffer.from("ANNOUNCE rtsp://h/a RTSP/1.0\r\nX: ") : openRtsp();
  }
  if (listener === "rtmp" || listener === "rtmps") {
    const bytes = messageBytes({ csid: 3, type: 20, time: 0, payload: Buffer.alloc(60_000) });
    return Buffer.concat([plainHandshake(), setChunkSize(0x7fffffff), bytes.subarray(0, 200)]);
  }
  if (listener === "ts") return Buffer.concat(Array.from({ length: 50 }, () => TS_PACKET));
  return Buffer.from("record localStreamName=");
}

/** Thousands of requests in one write, and replies that nobody reads. */
const pipelined: Attack = {
  name: "pipelined",
  async run(target, random) {
    const socket = await dial(target, random, random() < 0.5);
    if (!socket) return;
    const one = OPENINGS[target.listener]();
    await write(socket, Buffer.concat(Array.from({ length: PIPELINED }, () => one)));
    await delay(300 * random());
    leave(socket, random);
  },
};

const foreign: Attack = {
  name: "of another protocol",
  async run(target, random) {
    const others = (Object.keys(OPENINGS) as Listener[]).filter((listener) => listener !== target.listener);
    const socket = await dial(target, random);
    if (!socket) return;
    const choice = random();
    if (choice < 0.2) socket.write(Buffer.concat([TLS_HELLO, garbage(random, 300)]));
    else if (choice < 0.4) socket.write(garbage(random, 3000));
    else socket.write(OPENINGS[others[Math.floor(random() * others.length)] as Listener]());
    await delay(200 * random());
    leave(socket, random);
  },
};

const ATTACKS: readonly Attack[] = [halfOpen, slow, huge, pipelined, foreign];

export class Attackers {
  /** How often each attack was made on each listener. */
  readonly made = new Map<string, number>();
  #isOver = false;
  readonly #running: Promise<void>;

  constructor(targets: Readonly<Partial<Record<Listener, string>>>, atOnce: number, random: Random) {
    const all = Object.entries(targets).map(([listener, address]): Target => {
      const colon = address.lastIndexOf(":");
      return { listener: listener as Listener, host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    });
    this.#running = Promise.all(
      Array.from({ length: atOnce }, async (_, i) => {
        // Every attack on every listener comes, however short the run is.
        for (let turn = i; !this.#isOver; turn += atOnce) await this.#attack(all, turn, random);
      }),
    ).then(() => undefined);
  }

  /** Resolves when the last connection is closed. */
  stop(): Promise<void> {
    this.#isOver = true;
    return this.#running;
  }

  async #attack(targets: readonly Target[], turn: number, random: Random): Promise<void> {
    const target = targets[turn % targets.length] as Target;
    const attack = ATTACKS[Math.floor(turn / targets.length) % ATTACKS.length] as Attack;
    const key = `${target.listener}: ${attack.name}`;
    this.made.set(key, (this.made.get(key) ?? 0) + 1);
    await attack.run(target, random, () => this.#isOver);
  }
}

/** Kinds of attack on each listener. */
export const ATTACK_KINDS = ATTACKS.length;
