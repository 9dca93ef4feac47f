// Mutations of a valid publish session: bytes are changed, removed, doubled, cut off. The connection may end, nothing
// may be thrown, and all memory comes back.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseFlvFile } from "../../src/media/flv/flv-tag.js";
import { fuzzRounds, seed } from "../support/effort.js";
import { manyTracksBody, type TrackMessage } from "../support/multitrack.js";
import { mutate, randomFrom } from "../support/mutate.js";
import { exVideoTag } from "../support/raw-publisher.js";
import { amf, command, messageBytes, obsOpening } from "../support/rtmp-bytes.js";
import { DirectConnection, IngestRig } from "../support/rtmp-rig.js";
import {
  AC3_FRAME,
  ASC,
  AV1C,
  AVCC,
  accessUnit,
  EAC3_FRAME,
  FLAC_CONFIG,
  H265_IDR,
  HVCC,
  h265NalUnit,
  MP3_FRAME,
  OPUS_HEAD,
  VPCC,
} from "../support/test-media.js";

function validSession(): Buffer {
  const tags = [...parseFlvFile(readFileSync(new URL("../../assets/clip.flv", import.meta.url)))].slice(0, 40);
  const media = tags.map((tag, i) =>
    messageBytes({ csid: 4 + (i % 3), type: tag.type, streamId: 1, time: tag.timestampMs, payload: tag.data }, 4096),
  );
  return Buffer.concat([
    obsOpening("live", "cam1"),
    ...media,
    command(0, "FCUnpublish", 6, null, "cam1"),
    command(0, "deleteStream", 7, null, 1),
  ]);
}

/** Enhanced RTMP: a message or two of every codec, further tracks, several tracks in a message, ModEx. */
function enhancedSession(): Buffer {
  const video = accessUnit([h265NalUnit(H265_IDR, 60)]);
  const obus = Uint8Array.of(0x32, 30, 0x10, ...new Uint8Array(29));
  const part = (fourCc: string, trackId: number, packetType: number, data: Uint8Array): TrackMessage => ({
    ...{ kind: fourCc === "hvc1" || fourCc === "avc1" ? "video" : "audio", trackId, timeMs: 0, fourCc, packetType },
    ...{ isKey: true, data: Buffer.from(data) },
  });
  const timed = (data: Uint8Array): Buffer => Buffer.concat([Buffer.alloc(3), data]);
  const sound = (fourCc: string, packetType: number, data: Uint8Array): Buffer =>
    Buffer.concat([Buffer.of(0x90 | packetType), Buffer.from(fourCc), data]);
  const videos: Buffer[] = [
    exVideoTag("hvc1", 0, true, HVCC),
    exVideoTag("hvc1", 1, true, timed(video)),
    manyTracksBody([part("hvc1", 1, 0, HVCC), part("avc1", 2, 0, AVCC)]),
    manyTracksBody([part("hvc1", 0, 1, timed(video)), part("hvc1", 1, 1, timed(video))]),
    Buffer.concat([Buffer.from("97020007890168766331", "hex"), timed(video)]),
    Buffer.concat([Buffer.of(0xd4), Buffer.from("hvc1"), amf("colorInfo", { colorConfig: { colorPrimaries: 9 } })]),
    exVideoTag("av01", 0, true, AV1C),
    exVideoTag("av01", 1, true, obus),
    exVideoTag("vp09", 0, true, VPCC.subarray(0, 12)),
    exVideoTag("vp09", 1, true, Uint8Array.from(Buffer.from("824983420009f0059800", "hex"))),
  ];
  const sounds: Buffer[] = [
    sound("Opus", 0, OPUS_HEAD),
    sound("Opus", 1, new Uint8Array(40).fill(0x7c)),
    sound("Opus", 4, Uint8Array.of(1, 2, 0, 0, 0, 3)),
    manyTracksBody([part("Opus", 1, 0, OPUS_HEAD), part("mp4a", 2, 0, ASC)]),
    manyTracksBody([part("Opus", 1, 1, new Uint8Array(40)), part("mp4a", 2, 1, new Uint8Array(50))]),
    manyTracksBody([part("ac-3", 3, 1, AC3_FRAME)]),
    manyTracksBody([part("ec-3", 4, 1, EAC3_FRAME)]),
    sound("fLaC", 0, Buffer.concat([Buffer.from("fLaC"), FLAC_CONFIG])),
    sound(".mp3", 1, MP3_FRAME),
  ];
  const messages = videos.flatMap((payload, i) => [
    messageBytes({ csid: 6, type: 9, streamId: 1, time: i * 40, payload }, 4096),
    messageBytes({ csid: 7, type: 8, streamId: 1, time: i * 40, payload: sounds[i] ?? payload }, 4096),
  ]);
  return Buffer.concat([obsOpening("live", "cam1"), ...messages, command(0, "deleteStream", 7, null, 1)]);
}

it.each([
  ["FLV 10.1", validSession],
  ["Enhanced RTMP", enhancedSession],
])(`survives mutated sessions of %s (seed ${seed})`, (_name, session) => {
  const rig = new IngestRig();
  const valid = session();
  const random = randomFrom(seed);
  let count = 0;
  let published = 0;
  for (const i of fuzzRounds(300, 10_000)) {
    count++;
    const direct = new DirectConnection(rig);
    direct.feed(mutate(valid, random), 1 + random(20_000));
    published += rig.collectors.length;
    direct.close();
    const unexpected =
      direct.error instanceof Error && (direct.error as Error & { code?: string }).code !== "badInput"
        ? direct.error
        : undefined;
    expect(unexpected, `mutation ${i} of seed ${seed}`).toBeUndefined();
    expect(rig.registry.list()).toEqual([]);
    expect(rig.arena.stats().blocks, `mutation ${i} of seed ${seed}`).toBe(0);
    rig.collectors.length = 0;
  }
  expect(published).toBeGreaterThan(count / 6);
});
