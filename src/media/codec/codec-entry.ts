// What the rest of the program may ask of a codec. Each codec answers in a folder of its own; table.ts lists them.
// A codec whose entry lacks a field does not compile. Its writers for the muxers are in assembly/codec/.

import type { AudioConfig } from "./audio-config.js";
import type { VideoConfig } from "./video-config.js";
import type { KeyFrameSize } from "./vp-configuration.js";

export type CodecName =
  | "h264"
  | "h265"
  | "aac"
  | "opus"
  | "av1"
  | "vp9"
  | "vp8"
  | "mp3"
  | "mp2"
  | "ac3"
  | "eac3"
  | "flac"
  | "lpcm"
  | "pcma"
  | "pcmu";
export type TrackKind = "video" | "audio" | "data";

/** What a decoder configuration says of its track. */
export interface ParsedConfig {
  video: VideoConfig | undefined;
  audio: AudioConfig | undefined;
}

/** ISO/IEC 14496-12: the type of the sample entry that is written, and others that hold the same codec. */
export interface Mp4Form {
  sampleEntry: string;
  otherSampleEntries: readonly string[];
  /** Of an `mp4a`: the objectTypeIndication that says the codec. */
  objectTypes: readonly number[];
  /**
   * Of video: two compatible brands of `ftyp` beside `isom` and `mp41`, eight characters. Without them `iso2`, `avc1`.
   */
  brands?: string;
}

/** How access units lie in the PES packets of a stream. */
export type TsFraming = "h264" | "h265" | "adts" | "latm" | "opus" | "mpegAudio" | "ac3" | "eac3";

/** ISO/IEC 13818-1: how a PMT names the codec, and how access units are framed. */
export interface TsForm {
  streamType: number;
  /** Further ones, each with its framing. */
  otherStreamTypes: readonly { streamType: number; framing: TsFraming }[];
  /** format_identifier that names the codec in a stream of a private type; "": none does. */
  registration: string;
  /** The descriptor of DVB (ETSI EN 300 468) that does. */
  descriptorTag: number | null;
  /** Of `streamType`, and of a private type. */
  framing: TsFraming;
}

/** Adobe FLV 10.1 §E.4.2, §E.4.3: FLV files and RTMP messages alike. */
export interface FlvForm {
  /** CodecID of video, SoundFormat of audio; null: there are extended headers only. */
  codecId: number | null;
  /** Further numbers of the same codec. */
  otherCodecIds: readonly number[];
  /** Behind the number stands a packet type: some messages are decoder configurations. */
  hasPacketType: boolean;
  /** Of the extended headers (Enhanced RTMP v2); "": they have none for it. */
  fourCc: string;
  /** Frames have a composition time, SI24, behind the packet type. */
  hasCompositionTime: boolean;
  /** Files have it with extended headers, also where it comes with others. */
  isWrittenExtended: boolean;
  /** The decoder configuration, where the first byte of every tag says all of it. */
  configOfTag?(first: number): Uint8Array;
}

export interface CodecEntry {
  name: CodecName;
  /** For people. */
  title: string;
  /** CODEC_* of src/abi/decoder-config.ts. */
  number: number;
  kind: TrackKind;
  /** Tag and name in replies of the control interface (ems-record-spec §2.0). */
  emsTag: string;
  /** Throws ReelError `badConfig`. */
  parse(bytes: Uint8Array): ParsedConfig;
  /** The configuration as the muxers write it: frames in a ring have one framing, whatever the source has. */
  toRingForm(bytes: Uint8Array): Uint8Array;
  /** A stored configuration of fewer bytes is damaged. */
  minimumConfigBytes: number;
  /**
   * Where FLV and RTMP say a decoder configuration: beside the frames, in each of them, or in the first byte of each
   * tag.
   */
  configFrom: "header" | "frames" | "tag";
  /** Whether the source marks random access points, or decoding can start at every frame. */
  randomAccess: "marked" | "everyFrame";
  /**
   * Of a key frame in [at, end), where the configuration need not say it; undefined of any other frame. Without it the
   * configuration says how large pictures are.
   */
  keyFrameSize?(bytes: Uint8Array, at: number, end: number): KeyFrameSize | undefined;
  /**
   * Samples of the frame in [at, end), 0 where none begins there, where frames of one stream may differ in that and say
   * it themselves. Without it the configuration says it.
   */
  frameSamples?(bytes: Uint8Array, at: number, end: number): number;
  /** `null`: the container has no form for the codec. */
  mp4: Mp4Form | null;
  ts: TsForm | null;
  flv: FlvForm | null;
}
