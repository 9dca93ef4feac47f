// Messages of AV1 and VP9 through a real connection into a ring: what becomes a frame, what a configuration, and what
// changes nothing.

import { expect, it } from "vitest";
import { CONFIG_COLOUR_OFFSET } from "../../../../src/abi/decoder-config.js";
import { sizedObu } from "../../../../src/media/codec/av1/obu.js";
import { amf, messageBytes, obsOpening } from "../../../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../../../support/rtmp-rig.js";
import { AV1C, AVCC } from "../../../support/test-media.js";

const SEQUENCE_OBU = AV1C.subarray(4);
/** Another level: another sequence header. */
const OTHER_OBU = SEQUENCE_OBU.map((byte, i) => (i === 4 ? 8 : byte));
const KEY = Uint8Array.of(0x32, 3, 0x10, 1, 2);
const INTER = Uint8Array.of(0x32, 3, 0x30, 1, 2);
const DELIMITER = Uint8Array.of(0x12, 0);
const VPCC_MESSAGE = Uint8Array.of(1, 0, 0, 0, 0, 10, 0x82, 2, 2, 2, 0, 0);
/** Its VUI says video_full_range_flag, and no primaries. */
const AVCC_OF_FULL_RANGE = "0142c00affe100176742c00ada11ec05b2000003000200000300041e244d4001000468ce0fc8";
const FRAME_MS = 40;

class Av1Publisher {
  readonly rig = new IngestRig();
  readonly direct = new DirectConnection(this.rig);
  readonly configs: string[] = [];
  #timeMs = 0;

  constructor(public fourCc = "av01") {
    this.direct.feed(obsOpening("live", "cam1"));
    const { inStream } = this.rig.only;
    inStream.on("config", (track) =>
      this.configs.push(Buffer.from(inStream.config(track)?.bytes ?? []).toString("hex")),
    );
  }

  header(record: Uint8Array): void {
    this.#send(0x90, record);
  }

  frame(isKey: boolean, ...parts: readonly Uint8Array[]): void {
    this.#send(isKey ? 0x91 : 0xa1, Buffer.concat(parts));
  }

  colourInfo(primaries: number): void {
    this.#send(0xd4, amf("colorInfo", { colorConfig: { colorPrimaries: primaries } }));
  }

  resetColours(): void {
    this.#send(0xd4, amf("colorInfo", {}));
  }

  /** A header and a picture of H.264, in the form of old. */
  h264(): void {
    this.#sendRaw(Buffer.concat([Buffer.of(0x17, 0, 0, 0, 0), AVCC]));
    this.#sendRaw(Buffer.of(0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88));
  }

  get frames(): { isKey: boolean; sizeBytes: number }[] {
    this.rig.only.drain();
    return this.rig.only.frames.map(({ isKey, sizeBytes }) => ({ isKey, sizeBytes }));
  }

  get notes(): string[] {
    return this.rig.logger.lines.flatMap((line) => JSON.stringify(line));
  }

  #send(first: number, data: Uint8Array): void {
    this.#sendRaw(Buffer.concat([Buffer.of(first), Buffer.from(this.fourCc), data]));
  }

  #sendRaw(payload: Buffer): void {
    this.direct.feed(messageBytes({ csid: 6, type: 9, streamId: 1, time: this.#timeMs, payload }, 4096));
    this.#timeMs += FRAME_MS;
  }
}

function vp9Key(width: number): Uint8Array {
  return Uint8Array.of(0x82, 0x49, 0x83, 0x42, 0, (width - 1) >> 4, ((width - 1) & 15) << 4, 0x05, 0x90, 0, 0, 0);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

it("of AV1 are frames without temporal delimiters, key where the bitstream says it", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, DELIMITER, SEQUENCE_OBU, KEY);
  publisher.frame(true, INTER); // the header's flag alone is not believed
  publisher.frame(false, DELIMITER, INTER);
  publisher.frame(false, KEY);
  expect(publisher.frames).toEqual([
    { isKey: true, sizeBytes: SEQUENCE_OBU.byteLength + KEY.byteLength },
    { isKey: false, sizeBytes: INTER.byteLength },
    { isKey: false, sizeBytes: INTER.byteLength },
    { isKey: true, sizeBytes: KEY.byteLength },
  ]);
  expect(publisher.configs).toEqual([hex(AV1C)]);
});

it("of AV1 whose configuration has no sequence header take it from the first key frame", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C.subarray(0, 4));
  publisher.frame(false, INTER);
  expect(publisher.configs).toEqual([]);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  expect(publisher.configs).toEqual([hex(AV1C)]);
  expect(publisher.frames).toHaveLength(2);
});

it("of AV1 make a new configuration of another sequence header, and none of a repeated one", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, OTHER_OBU, KEY);
  const other = publisher.configs.at(-1);
  expect(publisher.configs).toHaveLength(2);
  expect(other).toContain(hex(OTHER_OBU));
  // The header that the encoder repeats is the one that its key frames had overruled.
  publisher.header(AV1C);
  publisher.frame(true, OTHER_OBU, KEY);
  publisher.frame(false, INTER);
  expect(publisher.configs).toHaveLength(2);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  expect(publisher.configs.slice(2)).toEqual([hex(AV1C)]);
});

it("of AV1 that hold no frame are joined to the next one", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, SEQUENCE_OBU);
  publisher.frame(true, KEY);
  publisher.frame(false, INTER);
  expect(publisher.frames.map(({ sizeBytes }) => sizeBytes)).toEqual([
    SEQUENCE_OBU.byteLength + KEY.byteLength,
    INTER.byteLength,
  ]);
});

it("of AV1 that end in an OBU without a size are joined to the next one as what they are", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, DELIMITER, Uint8Array.of(0x08), SEQUENCE_OBU.subarray(2));
  publisher.frame(true, KEY);
  expect(publisher.frames).toEqual([{ isKey: true, sizeBytes: SEQUENCE_OBU.byteLength + KEY.byteLength }]);
  expect(publisher.configs).toEqual([hex(AV1C)]);
});

it("of AV1 whose sequence header is far too long are a loss, and no configuration", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  const withJunk = sizedObu(1, Buffer.concat([OTHER_OBU.subarray(2), Buffer.alloc(4096, 0x55)]));
  publisher.frame(true, withJunk, KEY);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  expect(publisher.configs).toEqual([hex(AV1C)]);
  expect(publisher.frames).toHaveLength(2);
  expect(publisher.rig.only.gaps).toEqual([
    expect.objectContaining({ cause: "sourceLoss", frames: 1, track: "video" }),
  ]);
});

it.each([
  ["VP9", "vp09", VPCC_MESSAGE, Uint8Array.of(0x86, 0, 0), vp9Key(160)],
  ["AV1", "av01", AV1C.subarray(0, 4), INTER, Buffer.concat([SEQUENCE_OBU, KEY])],
])("of %s in a track of another codec wait for the key frame that completes their configuration", (...args) => {
  const [, fourCc, header, inter, key] = args;
  const publisher = new Av1Publisher(fourCc);
  publisher.h264();
  publisher.header(header);
  publisher.frame(false, inter);
  expect(publisher.frames).toEqual([{ isKey: true, sizeBytes: 6 }]);
  publisher.frame(true, key);
  publisher.frame(false, inter);
  expect(publisher.frames.slice(1)).toEqual([
    { isKey: true, sizeBytes: key.byteLength },
    { isKey: false, sizeBytes: inter.byteLength },
  ]);
  expect(publisher.configs).toHaveLength(2);
});

it("of AV1 that are damaged are a loss", () => {
  const publisher = new Av1Publisher();
  publisher.header(AV1C);
  publisher.frame(true, SEQUENCE_OBU, KEY);
  publisher.frame(false, INTER.subarray(0, 3));
  publisher.frame(false, INTER);
  expect(publisher.frames).toHaveLength(2);
  expect(publisher.rig.only.gaps).toEqual([
    expect.objectContaining({ cause: "sourceLoss", frames: 1, track: "video" }),
  ]);
});

it("of VP9 have their size from key frames: another one is another configuration", () => {
  const publisher = new Av1Publisher("vp09");
  publisher.header(VPCC_MESSAGE);
  publisher.frame(false, Uint8Array.of(0x86, 0, 0));
  publisher.frame(true, vp9Key(160));
  publisher.frame(true, vp9Key(160));
  publisher.header(VPCC_MESSAGE);
  publisher.frame(true, vp9Key(320));
  expect(publisher.configs.map((bytes) => bytes.slice(24, 28))).toEqual(["00a0", "0140"]);
  expect(publisher.frames).toHaveLength(3);
});

it("of VP9 that are to be shown in another size say so in their key frames: pasp", () => {
  const publisher = new Av1Publisher("vp09");
  publisher.header(VPCC_MESSAGE);
  publisher.frame(true, vp9Key(160));
  // Behind the size: render_and_frame_size_different, 320 × 90.
  publisher.frame(true, Uint8Array.from([...vp9Key(160).subarray(0, 8), 0x98, 0x09, 0xf8, 0x02, 0xc8, 0]));
  const config = publisher.rig.only.inStream.config(0);
  expect(config?.video).toMatchObject({ width: 160, height: 90, parWidth: 2, parHeight: 1 });
  expect(publisher.configs).toHaveLength(2);
  publisher.direct.close();
});

it("colorInfo waits for the configuration that it belongs to, and repeats are none", () => {
  const publisher = new Av1Publisher("vp08");
  publisher.header(VPCC_MESSAGE);
  publisher.frame(true, Uint8Array.of(0x10, 0, 0, 0x9d, 1, 0x2a, 160, 0, 90, 0));
  expect(publisher.configs).toHaveLength(1);
  publisher.fourCc = "vp09";
  publisher.header(VPCC_MESSAGE);
  // The configuration in force is that of VP8 until the first key frame of VP9.
  publisher.colourInfo(9);
  expect(publisher.configs).toHaveLength(1);
  publisher.frame(true, Uint8Array.from(Buffer.from("824983420009f0059800", "hex")));
  publisher.colourInfo(9);
  expect(publisher.configs).toHaveLength(2);
  const config = publisher.rig.only.inStream.config(0);
  expect(config).toMatchObject({ codec: "vp9", colourInfo: { colour: { primaries: 9, transfer: 2 } } });
  publisher.colourInfo(1);
  expect(publisher.configs).toHaveLength(3);
  publisher.direct.close();
});

it("colorInfo in front of the header belongs to it, and an empty one takes it back", () => {
  const publisher = new Av1Publisher("avc1");
  publisher.colourInfo(9);
  publisher.header(AVCC);
  const { inStream } = publisher.rig.only;
  expect(publisher.configs).toHaveLength(1);
  expect(inStream.config(0)?.colourInfo?.colour?.primaries).toBe(9);
  publisher.resetColours();
  expect(publisher.configs).toHaveLength(2);
  expect(inStream.config(0)?.colourInfo?.colour).toBeUndefined();
  publisher.direct.close();
});

it("colorInfo goes with its codec", () => {
  const publisher = new Av1Publisher("av01");
  publisher.header(AV1C);
  publisher.colourInfo(9);
  publisher.fourCc = "avc1";
  publisher.header(AVCC);
  const { inStream } = publisher.rig.only;
  expect(inStream.config(0)).toMatchObject({ codec: "h264", colourInfo: undefined });
  // A header that cannot be used takes nothing away.
  publisher.colourInfo(9);
  publisher.fourCc = "av01";
  publisher.header(AV1C.subarray(0, 2));
  publisher.fourCc = "avc1";
  publisher.header(AVCC);
  expect(inStream.config(0)).toMatchObject({ codec: "h264", colourInfo: { colour: { primaries: 9 } } });
  publisher.direct.close();
});

it("colorInfo that is another one again and again ends nothing, and makes a few configurations only", () => {
  const publisher = new Av1Publisher("av01");
  publisher.header(AV1C);
  for (let i = 0; i < 200; i++) {
    publisher.colourInfo(20 + i);
    publisher.frame(true, SEQUENCE_OBU, KEY);
  }
  expect(publisher.configs).toHaveLength(1 + 16);
  expect(publisher.frames).toHaveLength(200);
  expect(publisher.notes.filter((note) => note.includes("colorInfo has changed 16 times"))).toHaveLength(1);
  publisher.direct.close();
});

it("colorInfo leaves the range that the bitstream says", () => {
  const publisher = new Av1Publisher("avc1");
  publisher.header(Buffer.from(AVCC_OF_FULL_RANGE, "hex"));
  publisher.colourInfo(9);
  const config = publisher.rig.only.inStream.config(0);
  const packed = publisher.rig.arena.u32[((config?.pointer ?? 0) + CONFIG_COLOUR_OFFSET) >> 2] ?? 0;
  expect([packed & 255, (packed >> 24) & 1]).toEqual([9, 1]);
  publisher.direct.close();
});
