// When a stream without a track that is recorded has had its time. What is refused, over a server: test/e2e.

import { describe, expect, it } from "vitest";
import { TRACK_AUDIO, TRACK_VIDEO } from "../../../../src/abi/frame.js";
import { Arena } from "../../../../src/arena/arena.js";
import type { ContainerName } from "../../../../src/container/container.js";
import type { CodecName } from "../../../../src/media/codec/codec-entry.js";
import { CODECS } from "../../../../src/media/codec/table.js";
import { refusalOf } from "../../../../src/recording/lifecycle/refusal.js";
import type { InStream } from "../../../../src/stream/in-stream.js";
import { StreamRegistry } from "../../../../src/stream/stream-registry.js";
import { TestClock } from "../../../support/test-clock.js";
import {
  ASC,
  AV1C,
  AVCC,
  DAC3,
  DEC3,
  FLAC_CONFIG,
  G711_CONFIG,
  HVCC,
  LPCM_CONFIG,
  MP2_CONFIG,
  MP3_CONFIG,
  OPUS_HEAD,
  VPCC,
} from "../../../support/test-media.js";

function openStream(): InStream {
  const options = { ringBytes: 16384, maxRingBytes: 16384, lagLimitMs: 2000 };
  return new StreamRegistry(new Arena(), new TestClock(), options, () => 1).open("cam");
}

/** As of a program map that lists nothing else yet. */
function foreignStream(): InStream {
  const stream = openStream();
  stream.setUnrecorded([{ kind: "audio", codec: "DTS" }]);
  return stream;
}

it("refuses a stream that has brought nothing else in its time, and not before", () => {
  const stream = foreignStream();
  expect(refusalOf(stream, "mp4")).toBeUndefined();
  expect(refusalOf(stream, "mp4", true)).toMatchObject({
    code: "notCarried",
    message: "cam has DTS, which cannot be recorded",
  });
});

it("waits on for a track that is announced and has no configuration yet", () => {
  const stream = foreignStream();
  stream.describeTrack(TRACK_VIDEO, { kind: "video", language: undefined });
  expect(refusalOf(stream, "mp4", true)).toBeUndefined();
});

const CONFIGS = {
  ...{ h264: AVCC, h265: HVCC, av1: AV1C, vp9: VPCC, vp8: VPCC, aac: ASC, opus: OPUS_HEAD, mp3: MP3_CONFIG },
  ...{ mp2: MP2_CONFIG, ac3: DAC3, eac3: DEC3, flac: FLAC_CONFIG, lpcm: LPCM_CONFIG, pcma: G711_CONFIG },
  pcmu: G711_CONFIG,
} as const satisfies Record<CodecName, Uint8Array>;
/** What each container has no form for. */
const REFUSED: Readonly<Record<ContainerName, readonly CodecName[]>> = {
  mp4: [],
  ts: ["av1", "vp9", "vp8", "flac", "lpcm", "pcma", "pcmu"],
  flv: ["mp2"],
};

describe.each(Object.keys(REFUSED) as ContainerName[])("%s", (container) => {
  it.each(Object.keys(CONFIGS) as CodecName[])("takes %s, or names it and what would do", (codec) => {
    const { kind, title } = CODECS[codec];
    const stream = openStream();
    stream.setDecoderConfig(kind === "video" ? TRACK_VIDEO : TRACK_AUDIO, codec, CONFIGS[codec]);
    stream.settle();
    const others = Object.keys(REFUSED).filter((name) => !REFUSED[name as ContainerName].includes(codec));
    const reason = `cam has ${title} ${kind}, which type=${container} cannot carry; record it with type=${others.join(" or type=")}`;
    const refusal = refusalOf(stream, container);
    expect(refusal?.message).toBe(REFUSED[container].includes(codec) ? reason : undefined);
    expect(refusal?.code).toBe(refusal && "notCarried");
  });
});
