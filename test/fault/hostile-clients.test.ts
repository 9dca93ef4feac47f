// Hostile clients on every listener, in the open and behind TLS, while fifty publishers are recorded: no frame is lost,
// the owner's commands are answered at every interval on connections of their own, and memory and descriptors come
// back.

import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { get } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { WebSocket } from "ws";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { ATTACK_KINDS, Attackers } from "../support/attackers.js";
import { makeClip } from "../support/clip.js";
import { effort, seed } from "../support/effort.js";
import { expectAsTold, toldByEvents } from "../support/expect-as-told.js";
import { publishLooped } from "../support/looped-publisher.js";
import { mulberry32 } from "../support/random.js";
import { Control, ReelProcess, stopServers } from "../support/reel-server.js";
import { certificateFiles, TEST_CERTIFICATE } from "../support/test-certificate.js";
import { until } from "../support/until.js";

const RECORDINGS = 50;
const SECONDS = effort(3, 600);
/** Of the same attacks, before the memory is looked at: code is compiled, buffers and the arena have grown. */
const WARM_UP_SECONDS = effort(3, 60);
const CHUNK_SECONDS = effort(3, 60);
const ATTACKERS_AT_ONCE = 30;
const OWNER_INTERVAL_MS = 250;
/** An owner waits for its reply beside hundreds of strangers, on a machine that also sends all this. */
const OWNER_WAIT_MS = 15_000;
/** What a burst may pin beyond an earlier one: connections' buffers, and what the arena has grown to. */
const MEMORY_MIB = 96;
/** Descriptors of threads that only load brings up. */
const THREADS = 32;
const TOKEN = "the-owner-has-this";
const CONTAINERS = ["mp4", "ts", "flv"] as const;
const RTMPS = ["--rtmps", "127.0.0.1:0"];
const HEADERS = { Authorization: `Bearer ${TOKEN}` };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "reel-hostile-"));
});
afterEach(async () => {
  await stopServers();
  await rm(folder, { recursive: true, force: true });
});

/** A connection of its own for one command. */
const OWNERS: Readonly<Record<string, (server: ReelProcess, isSecure: boolean) => Promise<void>>> = {
  async webSocket(server, isSecure) {
    const url = `${isSecure ? "wss" : "ws"}://${server.addresses.http}/ws`;
    const socket = new WebSocket(url, { headers: HEADERS, ca: TEST_CERTIFICATE });
    try {
      await once(socket, "open");
      socket.send("version");
      expect(String(((await once(socket, "message")) as [Buffer])[0])).toContain("SUCCESS");
    } finally {
      socket.terminate();
    }
  },
  async http(server, isSecure) {
    const address = `${server.addresses.http}/version`;
    const options = { headers: HEADERS, ca: TEST_CERTIFICATE, agent: false };
    const reply = isSecure
      ? new Promise<string>((resolve, reject) => {
          get(`https://${address}`, options, (incoming) => text(incoming).then(resolve, reject)).on("error", reject);
        })
      : fetch(`http://${address}`, { headers: HEADERS }).then((answer) => answer.text());
    expect(await reply).toContain("SUCCESS");
  },
  jsonCli: (server) => overTcp(server.addresses.jsonCli, '"SUCCESS"'),
  asciiCli: (server) => overTcp(server.addresses.asciiCli, "successfully"),
};

async function overTcp(address = "", expected: string): Promise<void> {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host);
  try {
    socket.write("version\r\n");
    let received = "";
    for await (const bytes of socket) {
      received += String(bytes);
      if (received.includes(expected)) return;
    }
    throw new Error(`${address} ended the owner's connection after ${JSON.stringify(received)}`);
  } finally {
    socket.destroy();
  }
}

/** Asks on every listener until told to stop. Resolves with how often, and the longest wait. */
async function own(
  server: ReelProcess,
  isSecure: boolean,
  isOver: () => boolean,
): Promise<{ asked: number; slowestMs: number }> {
  const result = { asked: 0, slowestMs: 0 };
  while (!isOver()) {
    const startMs = performance.now();
    await Promise.all(
      Object.entries(OWNERS).map(([name, ask]) =>
        Promise.race([
          ask(server, isSecure),
          delay(OWNER_WAIT_MS, undefined, { ref: false }).then(() => {
            throw new Error(`${name}: the owner was not answered`);
          }),
        ]),
      ),
    );
    const tookMs = performance.now() - startMs;
    result.asked++;
    result.slowestMs = Math.max(result.slowestMs, tookMs);
    await delay(Math.max(0, OWNER_INTERVAL_MS - tookMs));
  }
  return result;
}

async function descriptors(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

const PLACES = [
  { where: "in the open", isSecure: false },
  { where: "behind TLS", isSecure: true },
];

it.each(PLACES.slice(0, effort(1, 2)))(
  `${RECORDINGS} recordings, their owner and the memory pass ${SECONDS} s of hostile clients $where (REEL_SEED=${seed})`,
  async ({ isSecure }) => {
    const tags = [...parseFlvFile(await readFile(await makeClip({ seconds: 4 })))];
    const server = await ReelProcess.start({
      args: ["--ts", "127.0.0.1:0", "--token", TOKEN, "--log-level", "error", ...(isSecure ? RTMPS : [])],
      ...(isSecure ? { config: { tls: await certificateFiles(folder) } } : {}),
    });
    const control = await Control.connect(server, true, TOKEN);
    const names = Array.from({ length: RECORDINGS }, (_, i) => `cam${i}`);
    for (const [i, name] of names.entries())
      await control.succeed(
        `record localStreamName=${name} pathToFile=${name} type=${CONTAINERS[i % 3]} chunkLength=${CHUNK_SECONDS} keepAlive=0`,
      );
    const idle = await descriptors(server.pid);
    let isOver = false;
    const publishing = Promise.all(names.map((name) => publishLooped(server.rtmpUrl(name), tags, () => isOver)));
    await control.wait("recordChunkCreated", RECORDINGS);
    const slack = (await descriptors(server.pid)) + RECORDINGS; // files that a cut has open twice for a moment
    const strangersLeave = () =>
      until("the strangers' descriptors are back", async () => (await descriptors(server.pid)) <= slack, 30_000);

    const { pid: _pid, http = "", ...others } = server.addresses;
    const targets = { ...others, [isSecure ? "https" : "http"]: http };
    const attack = () => new Attackers(targets, ATTACKERS_AT_ONCE, mulberry32(seed));
    const owning = own(server, isSecure, () => isOver);
    const warmingUp = attack();
    await Promise.race([delay(WARM_UP_SECONDS * 1000), owning, publishing]);
    await warmingUp.stop();
    await strangersLeave();
    const warmMib = await residentMib(server.pid);

    const attackers = attack();
    await Promise.race([delay(SECONDS * 1000), owning, publishing]);
    await attackers.stop();
    expect([...attackers.made.keys()].length, [...attackers.made.keys()].join(", ")).toBe(
      ATTACK_KINDS * Object.keys(targets).length,
    );
    await strangersLeave();
    const grownMib = (await residentMib(server.pid)) - warmMib;
    isOver = true;
    const { asked, slowestMs } = await owning;
    const sent = await publishing;
    await control.wait("outStreamClosed", RECORDINGS, 60_000);

    const made = [...attackers.made.values()].reduce((sum, count) => sum + count, 0);
    console.log(
      `hostile clients: ${made} attacks, ${asked} owner rounds, slowest ${slowestMs.toFixed(0)} ms, ${grownMib.toFixed(0)} MiB grown`,
    );
    expect(asked).toBeGreaterThan((SECONDS * 1000) / (OWNER_INTERVAL_MS + OWNER_WAIT_MS));
    expect(grownMib).toBeLessThan(MEMORY_MIB);
    expect(control.of("recordGap")).toEqual([]);
    expect(control.of("recordChunkError")).toEqual([]);
    const closed = control.of("recordChunkClosed");
    for (const [i, name] of names.entries()) {
      const own = closed.filter(({ payload }) => payload.localStreamName === name);
      expect(
        own.reduce((sum, { payload }) => sum + Number(payload.frameCount), 0),
        name,
      ).toBe(sent[i]?.video);
    }
    await expectAsTold(server.media, toldByEvents(control));
    control.close();
    await until("all descriptors are back", async () => (await descriptors(server.pid)) <= idle + THREADS, 30_000);
    expect(await server.stop()).toMatchObject({ code: 0 });
  },
);
