// Decoder configurations in the arena (src/abi/decoder-config.ts): parsed once when they arrive, compared by bytes, so
// that a repeat of the same parameter sets is no change.

import {
  CONFIG_BYTES_OFFSET,
  CONFIG_BYTES_SIZE_OFFSET,
  CONFIG_CHANNELS_OFFSET,
  CONFIG_CODEC_OFFSET,
  CONFIG_COLOUR_OFFSET,
  CONFIG_CONTENT_LIGHT_OFFSET,
  CONFIG_HEIGHT_OFFSET,
  CONFIG_KIND_OFFSET,
  CONFIG_LANGUAGE_OFFSET,
  CONFIG_MASTERING_DISPLAY_OFFSET,
  CONFIG_OBJECT_TYPE_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
  CONFIG_PROFILE_OFFSET,
  CONFIG_RATE_INDEX_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_SAMPLES_PER_FRAME_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../abi/decoder-config.js";
import type { Arena } from "../arena/arena.js";
import type { AudioConfig } from "../media/codec/audio-config.js";
import type { CodecName, TrackKind } from "../media/codec/codec-entry.js";
import { CODECS, KIND_NUMBERS } from "../media/codec/table.js";
import {
  CONTENT_LIGHT_BYTES,
  type Colour,
  type ColourInfo,
  MASTERING_DISPLAY_BYTES,
  type VideoConfig,
} from "../media/codec/video-config.js";
import { packLanguage } from "./track.js";

/** What is to be known of a track beside its decoder configuration. */
export interface AboutTrack {
  language?: string | undefined;
  colourInfo?: ColourInfo | undefined;
}

export interface DecoderConfig {
  codec: CodecName;
  kind: TrackKind;
  language: string | undefined;
  colourInfo: ColourInfo | undefined;
  /** Decoding can start at every frame, marked or not. */
  isEveryFrameRandomAccess: boolean;
  /** As the codec's entry says: avcC, AudioSpecificConfig … */
  bytes: Uint8Array;
  /** Pointer to the block in the arena. */
  pointer: number;
  /** A frame or a recording refers to it, or did. */
  isReferredTo: boolean;
  video: VideoConfig | undefined;
  audio: AudioConfig | undefined;
}

/** Parses and stores a configuration. Throws ReelError `badConfig`; nothing is stored then. */
export function storeDecoderConfig(
  arena: Arena,
  codec: CodecName,
  bytes: Uint8Array,
  { language, colourInfo }: AboutTrack = {},
): DecoderConfig {
  const entry = CODECS[codec];
  const { video, audio } = entry.parse(bytes);
  const copy = bytes.slice();
  const ringForm = entry.toRingForm(copy);
  const pointer = arena.allocate(CONFIG_BYTES_OFFSET + ringForm.byteLength);
  arena.u8.set(ringForm, pointer + CONFIG_BYTES_OFFSET);
  const put = (offset: number, value: number): void => {
    arena.u32[(pointer + offset) >>> 2] = value;
  };
  put(CONFIG_CODEC_OFFSET, entry.number);
  put(CONFIG_KIND_OFFSET, KIND_NUMBERS[entry.kind]);
  put(CONFIG_LANGUAGE_OFFSET, packLanguage(language));
  put(CONFIG_BYTES_SIZE_OFFSET, ringForm.byteLength);
  if (video) {
    put(CONFIG_WIDTH_OFFSET, video.width);
    put(CONFIG_HEIGHT_OFFSET, video.height);
    put(CONFIG_PAR_WIDTH_OFFSET, video.parWidth);
    put(CONFIG_PAR_HEIGHT_OFFSET, video.parHeight);
    put(CONFIG_PROFILE_OFFSET, (video.profile << 16) | (video.constraints << 8) | video.level);
    const c = colourOf(video.colour, colourInfo?.colour);
    if (c)
      put(
        CONFIG_COLOUR_OFFSET,
        c.primaries | (c.transfer << 8) | (c.matrix << 16) | ((c.fullRange ? 1 : 0) << 24) | (1 << 25),
      );
    const { masteringDisplay, contentLight } = colourInfo ?? {};
    if (masteringDisplay?.byteLength === MASTERING_DISPLAY_BYTES)
      arena.u8.set(masteringDisplay, pointer + CONFIG_MASTERING_DISPLAY_OFFSET);
    if (contentLight?.byteLength === CONTENT_LIGHT_BYTES)
      arena.u8.set(contentLight, pointer + CONFIG_CONTENT_LIGHT_OFFSET);
  }
  if (audio) {
    put(CONFIG_SAMPLE_RATE_OFFSET, audio.sampleRate);
    put(CONFIG_CHANNELS_OFFSET, audio.channels);
    put(CONFIG_SAMPLES_PER_FRAME_OFFSET, audio.samplesPerFrame);
    put(CONFIG_OBJECT_TYPE_OFFSET, audio.objectType);
    put(CONFIG_RATE_INDEX_OFFSET, audio.rateIndex);
  }
  const isEveryFrameRandomAccess = entry.randomAccess === "everyFrame";
  const { kind } = entry;
  // No spread: it gives every object a shape of its own, and this one is looked at with every frame.
  return {
    codec,
    kind,
    language,
    colourInfo,
    isEveryFrameRandomAccess,
    bytes: copy,
    pointer,
    isReferredTo: false,
    video,
    audio,
  };
}

const UNSPECIFIED = 2;

/** The bitstream knows its own colours best, where it says them; their range nothing else says. */
function colourOf(own: Colour | undefined, told: Colour | undefined): Colour | undefined {
  if (!told || isSpecified(own)) return own;
  return { ...told, fullRange: own?.fullRange ?? told.fullRange };
}

function isSpecified(colour: Colour | undefined): boolean {
  return (
    colour !== undefined && [colour.primaries, colour.transfer, colour.matrix].some((code) => code !== UNSPECIFIED)
  );
}

const NOTHING = new Uint8Array(0);

export function sameColourInfo(a: ColourInfo | undefined, b: ColourInfo | undefined): boolean {
  const same = (x: Uint8Array | undefined, y: Uint8Array | undefined): boolean => sameBytes(x ?? NOTHING, y ?? NOTHING);
  return (
    a?.colour?.primaries === b?.colour?.primaries &&
    a?.colour?.transfer === b?.colour?.transfer &&
    a?.colour?.matrix === b?.colour?.matrix &&
    a?.colour?.fullRange === b?.colour?.fullRange &&
    same(a?.masteringDisplay, b?.masteringDisplay) &&
    same(a?.contentLight, b?.contentLight)
  );
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}
