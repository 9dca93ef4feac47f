// Parameters that a command does not take: ignored on the wire, as EMS does, and told once each in the log.

import { afterEach, expect, it } from "vitest";
import { ControlFixture } from "../support/control-fixture.js";

let fixture: ControlFixture;
afterEach(() => fixture.close());

it("an ignored parameter has one line for its command, whatever its case, however often it comes", async () => {
  const lines: unknown[][] = [];
  const note = (...line: unknown[]): number => lines.push(line);
  fixture = await ControlFixture.open({ logger: { debug: note, info: note, warn: note } });
  const client = await fixture.webSocket();
  const sent = ["version colour=1", "version Colour=2", "listStreams colour=1", "version _mine=1 commandId=7"];
  for (const line of [...sent, ...sent]) expect(await client.ask(line)).toContain('"status":"SUCCESS"');
  await client.ask("record localStreamName=a pathToFile=a HlsHdsGroup= chunkLenght=60 _x=1");
  expect(lines.filter(([, text]) => String(text).startsWith("parameter ignored"))).toEqual([
    [{ command: "version", parameter: "colour" }, "parameter ignored"],
    [{ command: "listStreams", parameter: "colour" }, "parameter ignored"],
    [{ command: "version", parameter: "_mine" }, "parameter ignored"],
    [{ command: "record", parameter: "HlsHdsGroup" }, "parameter ignored"],
    [{ command: "record", parameter: "chunkLenght" }, "parameter ignored; did you mean chunkLength?"],
  ]);
});
