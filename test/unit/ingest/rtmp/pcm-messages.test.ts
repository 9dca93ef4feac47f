// Messages of G.711 and PCM: the first byte of each says the decoder configuration.

import { expect, it } from "vitest";
import { pcmConfig } from "../../../../src/media/codec/pcm/pcm-config.js";
import { command, messageBytes, obsOpening } from "../../../support/rtmp-bytes.js";
import { DirectConnection, frameHash, IngestRig } from "../../../support/rtmp-rig.js";
import { ASC } from "../../../support/test-media.js";

const AUDIO = 8;

function feed(rig: IngestRig, ...bodies: readonly (readonly number[])[]): void {
  const direct = new DirectConnection(rig);
  const messages = bodies.map((body, i) =>
    messageBytes({ csid: 4, type: AUDIO, streamId: 1, time: 20 * i, payload: Buffer.from(body) }, 4096),
  );
  direct.feed(Buffer.concat([obsOpening("live", "cam1"), ...messages]));
  direct.feed(command(0, "ping", 9, null));
}

const hashOf = (payload: readonly number[]): string => frameHash(Uint8Array.from(payload));
const SAMPLES = Array.from({ length: 160 }, (_, i) => i);

it.each([
  ["pcma", 0x72, pcmConfig(8000, 1, 8)],
  ["pcma", 0x7f, pcmConfig(8000, 2, 8)],
  ["pcmu", 0x82, pcmConfig(8000, 1, 8)],
  ["lpcm", 0x3f, pcmConfig(44100, 2, 16)],
  ["lpcm", 0x34, pcmConfig(11025, 1, 8)],
  ["lpcm", 0x32, pcmConfig(5512, 1, 16)],
] as const)("%s is told by a tag that begins with %i", (codec, first, config) => {
  const rig = new IngestRig();
  feed(rig, [first, ...SAMPLES], [first, ...SAMPLES]);
  expect(rig.only.inStream.config(1)?.codec).toBe(codec);
  expect(Uint8Array.from(rig.only.inStream.config(1)?.bytes ?? [])).toEqual(config);
  expect(rig.only.frames.map(({ hash }) => hash)).toEqual([hashOf(SAMPLES), hashOf(SAMPLES)]);
  expect(rig.only.inStream.unrecorded).toEqual([]);
});

it("a tag that says otherwise changes the configuration, and a tag of another codec the codec", () => {
  const rig = new IngestRig();
  feed(rig, [0xaf, 0, ...ASC], [0xaf, 1, 0x21, 0x10], [0x72, ...SAMPLES], [0x73, ...SAMPLES], [0xaf, 1, 0x21, 0x10]);
  expect(rig.only.frames.map(({ sizeBytes }) => sizeBytes)).toEqual([2, 160, 160]);
  expect(Uint8Array.from(rig.only.inStream.config(1)?.bytes ?? [])).toEqual(pcmConfig(8000, 2, 8));
  // AAC has to say again how it is decoded.
  expect(rig.only.inStream.unrecorded).toMatchObject([{ codec: "AAC without a usable decoder configuration" }]);
});

it("half a sample at the end is left out, and less than one is none", () => {
  const rig = new IngestRig();
  feed(rig, [0x3f, ...SAMPLES, 1, 2, 3], [0x3f, 1, 2, 3], [0x3f], [0x3f, 1, 2, 3, 4]);
  expect(rig.only.frames.map(({ hash }) => hash)).toEqual([hashOf(SAMPLES), hashOf([1, 2, 3, 4])]);
});

it("PCM in the order of some machine is named, not recorded", () => {
  const rig = new IngestRig();
  feed(rig, [0x0a, ...SAMPLES]);
  expect(rig.only.frames).toEqual([]);
  expect(rig.only.inStream.unrecorded).toMatchObject([{ codec: "PCM" }]);
});
