// Mutated command lines, JSON messages and HTTP requests: each gets a reply or a closed connection, the server goes on,
// and what was there before stays: a live stream, its recording, a waiting config, the files of the media folder. A
// mutation may happen to be a valid command: what the replies say was done (test/support/reply-model.ts) is exactly
// what may have changed, and what was not answered with SUCCESS has changed nothing.

import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CommandRequest, parseCommandLine } from "../../src/control/commands/grammar.js";
import type { RecordEntry } from "../../src/recording/record-config.js";
import { ControlFixture } from "../support/control-fixture.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { LiveSource } from "../support/live-source.js";
import { framedReplies, ReplyModel } from "../support/reply-model.js";
import { until } from "../support/until.js";

/** Inputs per connection. */
const BATCH = 20;
/** 1000 inputs, or 10 000, in batches. */
const batches = (): Generator<number> => fuzzRounds(50, 500);
const WITNESS = "witness-5f1c9a0b7d";
/** The witnesses' config ids begin here: no mutation of the ids below arrives at them by chance. */
const FIRST_CONFIG_ID = 3_141_592_653;

const LINES = [
  "record localStreamName=fuzz1 pathToFile=../media/fuzz type=mp4 overwrite=1 keepAlive=0 chunkLength=60 _x=y commandId=7",
  "record localStreamName=fuzz2 pathToFile=C:\\media\\ type=ts keepAlive=0 dateFolderStructure=1 preset=1",
  "record localStreamName=fuzz3 pathToFile=../../../../../../tmp/escape type=flv keepAlive=0",
  "pullStream uri=rtsp://u:p@h:554/a?b=c localStreamName=a keepAlive=0 forceTcp=1 ttl=256",
  "shutdownStream localStreamName=nobody permanently=1",
  "removeConfig id=987654321",
  "getConfigInfo id=4294967295",
  "getStreamInfo id=1 localStreamName=b",
  "isStreamRunning localStreamName=b",
  "setTimer value=2100-01-01T00:00:00 _id=3",
  "removeTimer id=99",
  "subscribe events=recordChunkClosed,inStreamCreated since=0",
  "listStreams disableInternalStreams=1",
  "listConfig",
  "help",
  "addStreamAlias localStreamName=a aliasName=b __proto__=1 _constructor=2 ___proto__=3",
];

/** A small generator with a seed: mulberry32. */
function generator(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const SPICE = [
  "\\",
  "=",
  ",",
  " ",
  "\t",
  "\r",
  "\n",
  "\0",
  "%3f",
  "..",
  "/",
  "{",
  "}",
  '"',
  "\u00e9",
  "\ud83d\ude00",
  "-1",
  "99999999999999999999",
  "true",
  "_",
  "(",
  ")",
  "://",
  "@",
  "\xff",
];

function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let out = Buffer.from(bytes);
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(out.byteLength + 1);
    const end = Math.min(out.byteLength, at + 1 + random(8));
    const kind = random(6);
    if (kind === 0 && out.byteLength > 0) out[Math.min(at, out.byteLength - 1)] = random(256);
    else if (kind === 1) out = Buffer.concat([out.subarray(0, at), out.subarray(end)]);
    else if (kind === 2)
      out = Buffer.concat([out.subarray(0, at), Buffer.from(SPICE[random(SPICE.length)] ?? ""), out.subarray(at)]);
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(at, end), out.subarray(at)]);
    else if (kind === 4) out = Buffer.concat([out, out.subarray(0, at)]);
    else if (random(20) === 0) out = Buffer.concat([out.subarray(0, at), Buffer.alloc(17_000, 0x61), out.subarray(at)]);
  }
  return out;
}

describe(`hostile input (seed ${seed})`, () => {
  let fixture: ControlFixture;
  let source: LiveSource;
  let random: (below: number) => number;
  let model: ReplyModel;
  let filesBefore: string[];
  let witnesses: readonly unknown[];
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown): void => void rejections.push(reason);

  beforeEach(async () => {
    process.on("unhandledRejection", onRejection);
    random = generator(seed);
    model = new ReplyModel();
    const root = mkdtempSync(join(tmpdir(), "reel-fuzz-"));
    mkdirSync(join(root, "state"));
    writeFileSync(join(root, "state", "configs.json"), JSON.stringify({ format: 1, nextConfigId: FIRST_CONFIG_ID }));
    fixture = await ControlFixture.open({ root });
    source = new LiveSource(fixture.publish(WITNESS), 10_000);
    await fixture.recorder.record({ localStreamName: WITNESS, pathToFile: WITNESS, type: "ts" });
    await fixture.recorder.record({ localStreamName: "later", pathToFile: "later" });
    await source.writeUpTo(2000);
    await until("the recording's file", () => existsSync(join(fixture.root, "media", `${WITNESS}.ts`)));
    filesBefore = mediaFiles();
    witnesses = structuredClone(fixture.recorder.configs().map(asShown));
  });

  afterEach(async () => {
    process.off("unhandledRejection", onRejection);
    source.stop();
    await fixture.close();
  });

  /** A config and where it stands, as listConfig would show it. */
  function asShown({ config, computedPathToFile, status }: RecordEntry): unknown {
    return { config, computedPathToFile, status };
  }

  function mediaFiles(): string[] {
    return readdirSync(join(fixture.root, "media"), { recursive: true, encoding: "utf8" });
  }

  async function expectUntouched(): Promise<void> {
    expect(rejections).toEqual([]);
    expect(fixture.recorder.streams.list().map((stream) => [stream.name, stream.ended])).toEqual([[WITNESS, false]]);
    expect(fixture.recorder.outStreams().map((out) => out.config.localStreamName)).toEqual([WITNESS]);
    const configs = fixture.recorder.configs();
    expect(configs.slice(0, 2).map(asShown)).toEqual(witnesses);
    expect(model.differences(configs.slice(2).map(({ config }) => config))).toEqual({ unexplained: [], missing: [] });
    expect(fixture.control.pulls.list()).toEqual([]);
    const timers = await fixture.control.dispatch.execute(parseCommandLine("listTimers") as CommandRequest);
    expect(((timers.data ?? []) as { timerId: number }[]).map((timer) => timer.timerId)).toEqual(model.timers);
    expect(mediaFiles()).toEqual(filesBefore);
    expect(readdirSync(fixture.root).sort()).toEqual(["media", "state"]);
    await source.writeUpTo(4000);
    const closed = once(fixture.recorder, "segmentClosed");
    source.stop();
    const [report] = (await closed) as [{ videoFrames: number; lost: unknown }];
    expect(report).toMatchObject({ videoFrames: 100, lost: null });
  }

  function line(): Buffer {
    return mutate(Buffer.from(LINES[random(LINES.length)] ?? ""), random);
  }

  function jsonMessage(): Buffer {
    const [command = "", ...rest] = (LINES[random(LINES.length)] ?? "").split(" ");
    return Buffer.from(
      JSON.stringify({ command, parameters: Object.fromEntries(rest.map((pair) => pair.split("=", 2))), commandId: 1 }),
    );
  }

  it.each(["json", "ascii"] as const)("command lines over TCP (%s)", async (listener) => {
    for (const batch of batches()) {
      const sent = batch * BATCH;
      const client = await fixture.tcp(fixture[listener]);
      const lines = Array.from({ length: BATCH }, () => Buffer.concat([line(), Buffer.from("\n")]));
      // Which of them the connection did not survive (quit, a line too long) is not said: either the last is answered
      // or it is closed.
      const last = `the-end-of-${sent}`;
      client.socket.write(Buffer.concat([...lines, Buffer.from(`${last}\n`)]));
      const isOver = (): boolean =>
        client.isEnded || client.isClosed || client.received.includes(`command ${last} not known`);
      await until(`an answer to lines ${sent} ff. of seed ${seed}`, isOver);
      if (listener === "json") for (const reply of framedReplies(client.received)) model.takeJson(reply);
      else model.takeHuman(client.received.toString());
      client.socket.destroy();
    }
    await expectUntouched();
  });

  it("JSON messages and lines over WebSocket", async () => {
    for (const batch of batches()) {
      const sent = batch * BATCH;
      const client = await fixture.webSocket();
      for (let i = 0; i < BATCH; i++)
        client.socket.send(random(2) === 0 ? mutate(jsonMessage(), random).toString() : line().toString());
      client.socket.send(`isStreamRunning id=1000000 commandId=m${sent}`);
      const answer = `"responseId":"m${sent}"`;
      await until(
        `an answer to messages ${sent} ff. of seed ${seed}`,
        () => client.isClosed || client.messages.some((text) => text.includes(answer)),
      );
      for (const message of client.messages) model.takeJson(message);
      client.socket.terminate();
    }
    await expectUntouched();
  });

  it("HTTP requests", async () => {
    const one = async (n: number): Promise<void> => {
      const [command = "", ...rest] = (LINES[random(LINES.length)] ?? "").split(" ");
      const params = Buffer.from(rest.join(" ")).toString("base64");
      const forms = [
        `GET /${command}?params=${params} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`,
        `GET /api/${command}%3fparams%3D${params} HTTP/1.0\r\n\r\n`,
        `POST /${command} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${rest.join(" ").length}\r\n\r\n${rest.join(" ")}`,
        `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${(JSON.stringify({ command }).length).toString(16)}\r\n${JSON.stringify({ command })}\r\n0\r\n\r\n`,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
      ];
      const socket = connect({ host: "127.0.0.1", port: fixture.http });
      const chunks: Buffer[] = [];
      let isClosed = false;
      socket.on("data", (chunk) => chunks.push(chunk));
      socket.on("error", () => {});
      // Taken as they come: the connections of a batch are carried out one after the other, and the model must see the
      // same order.
      socket.on("close", () => {
        isClosed = true;
        const body = Buffer.concat(chunks).toString().split("\r\n\r\n")[1] ?? "";
        if (body.startsWith("{")) model.takeJson(body);
      });
      socket.end(mutate(Buffer.from(forms[random(forms.length)] ?? ""), random));
      // Every answer but a WebSocket's ends the connection.
      const isAnswered = (): boolean => isClosed || Buffer.concat(chunks).toString().startsWith("HTTP/1.1 101 ");
      await until(`an answer to request ${n} of seed ${seed}`, isAnswered);
      socket.destroy();
    };
    for (const batch of batches()) await Promise.all(Array.from({ length: BATCH }, (_, i) => one(batch * BATCH + i)));
    await expectUntouched();
  });
});
