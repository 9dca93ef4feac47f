// Every event of a recording says which recording it is of, and has the keys that the reference names for it.

import { readFileSync } from "node:fs";
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { TRACK_VIDEO } from "../../src/abi/frame.js";
import { EVENT_TYPES } from "../../src/control/events/event-types.js";
import type { InStream } from "../../src/stream/in-stream.js";
import { ControlFixture } from "../support/control-fixture.js";
import { SLICE_I, SLICE_P, slice } from "../support/pictures.js";
import { AVCC, accessUnit } from "../support/test-media.js";
import { until } from "../support/until.js";

interface Event {
  type: string;
  payload: Record<string, unknown>;
}

const FRAME_90K = 3600;
const OF_RECORDINGS = EVENT_TYPES.filter((type) => /^(record|outStream)/.test(type));

let fixture: ControlFixture;
afterEach(() => fixture.close());

/** What docs/asyncapi.json says is always in the payload. */
function documentedKeys(type: string): string[] {
  const reference = JSON.parse(readFileSync(new URL("../../docs/asyncapi.json", import.meta.url), "utf8"));
  return reference.components.messages[`${type}Event`].payload.properties.payload.required;
}

function publish(name: string): { stream: InStream; write: (count: number, from: number, isIdr: boolean) => void } {
  const stream = fixture.publish(name);
  stream.setDecoderConfig(TRACK_VIDEO, "h264", AVCC);
  stream.settle();
  return {
    stream,
    write: (count, from, isIdr) => {
      for (let i = from; i < from + count; i++) {
        const starts = isIdr && i === from;
        const picture = accessUnit([slice(starts ? SLICE_I : SLICE_P, i, starts)]);
        stream.writeFrame(TRACK_VIDEO, picture, i * FRAME_90K, 0, starts);
      }
    },
  };
}

it("says whose it is, with the documented keys", async () => {
  fixture = await ControlFixture.open();
  const client = await fixture.webSocket();
  await client.ask(`subscribe events=${OF_RECORDINGS.join(",")}`);
  const folder = join(fixture.root, "media", "below");
  await mkdir(folder);
  const control = await fixture.webSocket();
  const configIds = new Map<string, number>();
  for (const [name, path] of [
    ["cam", "cam"],
    ["waits", "waits"],
    ["fails", "below/cam"],
  ] as const) {
    const reply = JSON.parse(
      await control.ask(`record localStreamName=${name} pathToFile=${path} keepAlive=0 _site=x`),
    );
    expect(reply.status, reply.description).toBe("SUCCESS");
    configIds.set(name, reply.data.configId);
  }
  await rmdir(folder);
  await writeFile(folder, "no folder any more");
  const sources = ["cam", "waits", "fails"].map(publish);
  const [cam, waits] = sources;
  cam?.write(50, 500, true);
  cam?.write(50, 100, true); // its clock jumps back
  let pictures = 0;
  const writing = setInterval(() => {
    waits?.write(5, pictures, false); // ten times as fast as it plays
    pictures += 5;
  }, 20);
  const events = (): Event[] => client.messages.map((message) => JSON.parse(message) as Event);
  const saw = (type: string): boolean => events().some((event) => event.type === type);
  await until("it is told", () => ["recordWaiting", "recordGap", "recordChunkError"].every(saw));
  clearInterval(writing);
  for (const { stream } of sources) stream.end("test");
  await until("the ends", () => events().filter(({ type }) => type === "outStreamClosed").length === 2);

  expect([...new Set(events().map(({ type }) => type))].sort()).toEqual(OF_RECORDINGS);
  const outStreams = new Map<unknown, unknown>();
  for (const { type, payload } of events()) {
    expect(Object.keys(payload), type).toEqual(expect.arrayContaining(documentedKeys(type)));
    const { localStreamName, configId, outStreamId, sequence } = payload;
    expect(configId, type).toBe(configIds.get(String(localStreamName)));
    expect(typeof outStreamId, type).toBe("number");
    outStreams.set(localStreamName, outStreams.get(localStreamName) ?? outStreamId);
    expect(outStreamId, type).toBe(outStreams.get(localStreamName));
    // What concerns no file is no entry of the ledger.
    expect(Number(sequence) > 0, `${type}: sequence ${sequence}`).toBe(Boolean(payload.file));
  }
  expect(new Set(outStreams.values()).size).toBe(3);
});
