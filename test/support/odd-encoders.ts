// Encoders as they really are: RTMP messages of a stream with one oddity each, of made-up pictures and audio frames,
// and which of the messages are access units.

import type { FlvTag } from "../../src/media/flv/flv-tag.js";
import type { GapCause } from "../../src/stream/gap.js";
import { recoveryPoint, SLICE_I, SLICE_P, sei, message as seiMessage, slice } from "./pictures.js";
import { audioTag, PACKET_CONFIG, PACKET_FRAME, videoTag } from "./rtmp-bytes.js";
import { ASC, AVCC, AVCC_OTHER, accessUnit } from "./test-media.js";

export interface Message extends FlvTag {
  /** Of a picture or an audio frame. */
  kind: "video" | "audio" | undefined;
}

export interface OddEncoder {
  /** Its number in the list of what a trial in the field found. */
  item: number;
  name: string;
  /** Of so many seconds of media. */
  messages: (seconds: number) => Message[];
  /** As much media as its oddity needs. */
  seconds: number;
  /** At the speed of the media: where arrival times decide. */
  isPaced?: boolean;
  /** Media at the front that is not recorded, because a file could not begin there. */
  unrecordedMs?: number;
  /** What every recording of it is told of. */
  tells?: GapCause;
}

const VIDEO = 9;
const AUDIO = 8;
const FRAME_MS = 40;
const GOP = 25;
const AUDIO_MS = 1024 / 48;
const USER_DATA = 5;
const BUNDLE_MS = 370;
/** AAC-LC, 48 kHz, mono. */
const ASC_MONO = Uint8Array.of(0x11, 0x88);

interface Oddity {
  avcC?: Uint8Array;
  asc?: Uint8Array;
  audioMs?: number;
  /** The messages of a picture, in front of it its own. */
  picture?: (i: number, timestampMs: number) => Message[];
  audio?: (i: number, timestampMs: number) => Message[];
  /** What the encoder says instead of the time. */
  videoClockMs?: (ms: number) => number;
  audioClockMs?: (ms: number) => number;
  /** The order of messages: a bundle is sent when its last frame is there. */
  audioSentMs?: (ms: number) => number;
}

const video = (timestampMs: number, isKey: boolean, compositionMs: number, ...nals: Uint8Array[]): Message => ({
  ...{ type: VIDEO, timestampMs, kind: "video" },
  data: videoTag(isKey, PACKET_FRAME, compositionMs, accessUnit(nals)),
});
/** A message of NAL units without a picture. */
const loose = (timestampMs: number, ...nals: Uint8Array[]): Message => ({
  ...video(timestampMs, false, 0, ...nals),
  kind: undefined,
});
const audio = (timestampMs: number, seed: number): Message => ({
  ...{ type: AUDIO, timestampMs, kind: "audio" },
  data: audioTag(PACKET_FRAME, new Uint8Array(180 + (seed % 11)).fill(1 + (seed % 250))),
});
const usual = (i: number, timestampMs: number): Message =>
  video(timestampMs, i % GOP === 0, 0, slice(i % GOP === 0 ? SLICE_I : SLICE_P, i, i % GOP === 0));

function messages(oddity: Oddity): (seconds: number) => Message[] {
  const { avcC = AVCC, asc = ASC, audioMs = AUDIO_MS, picture, audio: audioOf } = oddity;
  const same = (ms: number): number => ms;
  const { videoClockMs = same, audioClockMs = same, audioSentMs = same } = oddity;
  return (seconds) => {
    const sent: { sentMs: number; messages: Message[] }[] = [];
    for (let i = 0; i * FRAME_MS < seconds * 1000; i++) {
      const ms = videoClockMs(i * FRAME_MS);
      sent.push({ sentMs: i * FRAME_MS, messages: picture?.(i, ms) ?? [usual(i, ms)] });
    }
    for (let i = 0; i * audioMs < seconds * 1000; i++) {
      const ms = Math.round(audioClockMs(i * audioMs));
      sent.push({ sentMs: audioSentMs(i * audioMs), messages: audioOf?.(i, ms) ?? [audio(ms, i)] });
    }
    const first = { timestampMs: videoClockMs(0), kind: undefined };
    return [
      { ...first, type: VIDEO, data: videoTag(true, PACKET_CONFIG, 0, avcC) },
      { ...first, timestampMs: audioClockMs(0), type: AUDIO, data: audioTag(PACKET_CONFIG, asc) },
      ...sent.sort((a, b) => a.sentMs - b.sentMs).flatMap((entry) => entry.messages),
    ];
  };
}

/** The parameter sets of an avcC with one of each. */
function parameterSets(avcC: Uint8Array): { sps: Uint8Array; pps: Uint8Array } {
  const view = new DataView(avcC.buffer, avcC.byteOffset, avcC.byteLength);
  const spsBytes = view.getUint16(6);
  const sps = avcC.slice(8, 8 + spsBytes);
  const ppsAt = 8 + spsBytes + 1;
  return { sps, pps: avcC.slice(ppsAt + 2, ppsAt + 2 + view.getUint16(ppsAt)) };
}

const { sps, pps } = parameterSets(AVCC);
const other = parameterSets(AVCC_OTHER);
const seiOf = (i: number): Uint8Array => sei(seiMessage(USER_DATA, new Uint8Array(20).fill(1 + (i % 200))));

export const ODD_ENCODERS: readonly OddEncoder[] = [
  {
    ...{ item: 11, name: "SEI, SPS and PPS in messages of their own", seconds: 6 },
    messages: messages({
      picture: (i, ms) => [
        ...(i % GOP === 0 ? [loose(ms, sps), loose(ms, pps)] : []),
        loose(ms, seiOf(i)),
        usual(i, ms),
      ],
    }),
  },
  {
    ...{ item: 12, name: "AAC configuration changes in mid-GOP", seconds: 8 },
    messages: messages({
      audio: (i, ms) => [
        ...(i % 100 === 60
          ? [
              {
                type: AUDIO,
                timestampMs: ms,
                kind: undefined,
                data: audioTag(PACKET_CONFIG, i % 200 < 100 ? ASC_MONO : ASC),
              },
            ]
          : []),
        audio(ms, i),
      ],
    }),
  },
  {
    ...{ item: 13, name: "intra refresh: one IDR, then recovery points", seconds: 30 },
    messages: messages({
      picture: (i, ms) => [
        i > 0 && i % 30 === 0
          ? video(ms, false, 0, recoveryPoint(30), slice(SLICE_P, i))
          : video(ms, i === 0, 0, slice(i === 0 ? SLICE_I : SLICE_P, i, i === 0)),
      ],
    }),
  },
  {
    ...{ item: 14, name: "key pictures without IDR and without SEI", seconds: 30, unrecordedMs: 12_000 },
    messages: messages({
      picture: (i, ms) => [video(ms, i % GOP === 0, 0, slice(i % GOP === 0 ? SLICE_I : SLICE_P, i))],
    }),
  },
  {
    ...{ item: 15, name: "audio in bundles of 0.37 s", seconds: 8 },
    messages: messages({ audioSentMs: (ms) => (Math.floor(ms / BUNDLE_MS) + 1) * BUNDLE_MS }),
  },
  {
    ...{ item: 16, name: "composition offsets of hours", seconds: 6, tells: "compositionOffset" },
    messages: messages({
      picture: (i, ms) => [video(ms, i % GOP === 0, i % 40 === 7 ? 8_000_000 : 0, slice(SLICE_P, i, i % GOP === 0))],
    }),
  },
  {
    ...{ item: 17, name: "audio on a clock an hour ahead", seconds: 6, isPaced: true, tells: "clockOffset" },
    messages: messages({ audioClockMs: (ms) => ms + 3_600_000 }),
  },
  {
    ...{ item: 18, name: "all timestamps equal", seconds: 6, isPaced: true, tells: "stuckClock" },
    messages: messages({ videoClockMs: () => 0, audioClockMs: () => 0 }),
  },
  {
    ...{ item: 19, name: "another SPS in band", seconds: 8 },
    messages: messages({
      picture: (i, ms) => {
        const own = Math.floor(i / (3 * GOP)) % 2 === 0 ? { sps, pps } : other;
        return i % GOP === 0 ? [video(ms, true, 0, own.sps, own.pps, slice(SLICE_I, i, true))] : [usual(i, ms)];
      },
    }),
  },
  {
    ...{ item: 20, name: "AAC-LD, 512 samples", seconds: 6 },
    messages: messages({ asc: Uint8Array.of(0xb9, 0x90, 0, 0), audioMs: 512 / 48 }),
  },
];
