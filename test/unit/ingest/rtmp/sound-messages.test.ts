// Sound messages that say themselves what a decoder must know: the track begins with the first good one.

import { expect, it } from "vitest";
import { command, messageBytes, obsOpening } from "../../../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../../../support/rtmp-rig.js";
import { AC3_FRAME, ASC, DAC3, MP3_CONFIG, MP3_FRAME } from "../../../support/test-media.js";

const AUDIO = 8;
const PREFIXES = { mp3: [0x2f], "ac-3": [0x91, 0x61, 0x63, 0x2d, 0x33], aacHeader: [0xaf, 0], aac: [0xaf, 1] };

function feed(rig: IngestRig, ...bodies: readonly (readonly [keyof typeof PREFIXES, Uint8Array])[]): void {
  const direct = new DirectConnection(rig);
  const messages = bodies.map(([kind, body], i) => {
    const payload = Buffer.from([...PREFIXES[kind], ...body]);
    return messageBytes({ csid: 4, type: AUDIO, streamId: 1, time: 32 * i, payload }, 4096);
  });
  direct.feed(Buffer.concat([obsOpening("live", "cam1"), ...messages]));
  direct.feed(command(0, "ping", 9, null));
}

it.each([
  ["mp3", MP3_FRAME, MP3_CONFIG],
  ["ac-3", AC3_FRAME, DAC3],
] as const)("%s makes its configuration of the first frame", (kind, frame, config) => {
  const rig = new IngestRig();
  feed(rig, [kind, frame.subarray(0, 20)], [kind, frame], [kind, frame]);
  expect(rig.only.frames).toHaveLength(2);
  expect(Uint8Array.from(rig.only.inStream.config(1)?.bytes ?? [])).toEqual(config);
  expect(rig.only.inStream.unrecorded).toEqual([]);
});

it("a track that has another codec keeps it", () => {
  const rig = new IngestRig();
  const raw = Uint8Array.of(0x21, 0x10, 4, 5);
  feed(rig, ["aacHeader", ASC], ["aac", raw], ["mp3", MP3_FRAME], ["aac", raw]);
  expect(rig.only.frames).toHaveLength(2);
  expect(rig.only.inStream.config(1)?.codec).toBe("aac");
});
