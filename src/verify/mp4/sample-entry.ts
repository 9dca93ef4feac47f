// Sample descriptions: `avc1`/`avc3` with `avcC` (ISO/IEC 14496-15 §5.4.2), `hvc1`/`hev1` with `hvcC` (§8.4.1), `av01`
// with `av1C`, `vp08`/`vp09` with `vpcC`, `mp4a` with `esds` (ISO/IEC 14496-14 §5.6), `Opus` with `dOps`, `ipcm` with
// `pcmC`. Other codecs are named, and their samples counted, but not looked into.

import { AAC } from "../../media/codec/aac/aac.js";
import { parseAudioSpecificConfig } from "../../media/codec/aac/audio-specific-config.js";
import { AC3, EAC3 } from "../../media/codec/ac3/ac3.js";
import type { AudioConfig } from "../../media/codec/audio-config.js";
import type { CodecEntry, CodecName } from "../../media/codec/codec-entry.js";
import { FLAC } from "../../media/codec/flac/flac.js";
import { MP2, MP3 } from "../../media/codec/mpeg-audio/mpeg-audio.js";
import { OPUS } from "../../media/codec/opus/opus.js";
import { LPCM } from "../../media/codec/pcm/pcm.js";
import { CODECS, codecOfSampleEntry } from "../../media/codec/table.js";
import type { VideoConfig } from "../../media/codec/video-config.js";
import type { Findings } from "../findings.js";
import { FRAME_READINGS, type FrameReading } from "../frame-readings.js";
import { NAL_READINGS } from "../nal-readings.js";
import type { NalReading } from "../picture.js";
import type { TrackTraits } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";
import { type Box, readPayload } from "./box.js";

export interface SampleDescription {
  traits: TrackTraits;
  video: VideoConfig | undefined;
  audio: AudioConfig | undefined;
  /** How samples are looked into; neither of the two where they are only counted. */
  reading?: NalReading | undefined;
  frameReading?: FrameReading | undefined;
}

const STSD_HEADER_BYTES = 8;
/** SampleEntry and VisualSampleEntry, header included: the boxes of an `avc1` begin there. */
const VISUAL_ENTRY_BYTES = 86;
const AUDIO_ENTRY_BYTES = 36;
const FULL_BOX_BYTES = 4;
/** format_flags and PCM_sample_size behind the head of a full box. */
const PCMC_BYTES = FULL_BOX_BYTES + 2;
const DECODER_CONFIG_DESCRIPTOR = 4;
const DECODER_SPECIFIC_INFO = 5;
const ES_DESCRIPTOR = 3;

const DESCRIBE: Readonly<Record<CodecName, (entry: Buffer, path: string, findings: Findings) => SampleDescription>> = {
  h264: (entry, path, findings) => describeVideo(CODECS.h264, "avcC", entry, path, findings),
  h265: (entry, path, findings) => describeVideo(CODECS.h265, "hvcC", entry, path, findings),
  aac: describeAac,
  opus: describeOpus,
  av1: (entry, path, findings) => describeVideo(CODECS.av1, "av1C", entry, path, findings),
  vp9: (entry, path, findings) => describeVideo(CODECS.vp9, "vpcC", entry, path, findings),
  vp8: (entry, path, findings) => describeVideo(CODECS.vp8, "vpcC", entry, path, findings),
  mp3: (entry) => describeMpegAudio(MP3, entry),
  mp2: (entry) => describeMpegAudio(MP2, entry),
  ac3: (entry, path, findings) => describeBoxed(AC3, "dac3", 0, entry, path, findings),
  eac3: (entry, path, findings) => describeBoxed(EAC3, "dec3", 0, entry, path, findings),
  flac: (entry, path, findings) => describeBoxed(FLAC, "dfLa", FULL_BOX_BYTES, entry, path, findings),
  lpcm: describePcm,
  // A file does not tell from what its linear samples were made.
  pcma: describePcm,
  pcmu: describePcm,
};

/** Reads the first entry: a recording has one description a track. */
export async function readSampleDescription(
  reader: WindowReader,
  stsd: Box,
  kind: TrackTraits["kind"],
  findings: Findings,
): Promise<SampleDescription | undefined> {
  const payload = await readPayload(reader, stsd, STSD_HEADER_BYTES + 16, findings);
  if (!payload) return undefined;
  const format = payload.toString("latin1", STSD_HEADER_BYTES + 4, STSD_HEADER_BYTES + 8);
  const entryEnd = STSD_HEADER_BYTES + payload.readUInt32BE(STSD_HEADER_BYTES);
  if (entryEnd > payload.byteLength)
    findings.defect(`${stsd.path}/${format}`, `ends ${entryEnd - payload.byteLength} bytes past its parent`);
  const entry = payload.subarray(STSD_HEADER_BYTES, entryEnd);
  const path = `${stsd.path}/${format}`;
  try {
    const codec = codecOfSampleEntry(format, objectTypeOf(entry));
    if (codec) return DESCRIBE[codec.name](entry, path, findings);
  } catch (error) {
    findings.defect(path, (error as Error).message);
    return { traits: { kind, codec: format }, video: undefined, audio: undefined };
  }
  return { traits: { kind, codec: format }, video: undefined, audio: undefined };
}

function describeVideo(
  codec: CodecEntry,
  box: string,
  entry: Buffer,
  path: string,
  findings: Findings,
): SampleDescription {
  const record = findChild(entry, VISUAL_ENTRY_BYTES, box);
  const video = record && codec.parse(record).video;
  if (!video) {
    findings.defect(path, `has no ${box}`);
    return { traits: { kind: "video", codec: codec.name }, video: undefined, audio: undefined };
  }
  const width = entry.readUInt16BE(32);
  const height = entry.readUInt16BE(34);
  if (!codec.keyFrameSize && (width !== video.width || height !== video.height)) {
    findings.defect(path, `says ${width} × ${height}, its parameter sets say ${video.width} × ${video.height}`);
  }
  return {
    traits: { kind: "video", codec: codec.name, width, height },
    video,
    audio: undefined,
    reading: NAL_READINGS[codec.name] ?? undefined,
    frameReading: FRAME_READINGS[codec.name] ?? undefined,
  };
}

/**
 * `dOps` holds the fields of an identification header behind its magic, in the other byte order (Opus in ISOBMFF,
 * §4.3.2).
 */
function describeOpus(entry: Buffer, path: string, findings: Findings): SampleDescription {
  const dops = findChild(entry, AUDIO_ENTRY_BYTES, "dOps");
  if (!dops || dops.byteLength < 11) {
    findings.defect(path, dops ? "its dOps ends too early" : "has no dOps");
    return { traits: { kind: "audio", codec: OPUS.name }, video: undefined, audio: undefined };
  }
  const head = Buffer.concat([Buffer.from("OpusHead"), dops]);
  if (head[8] !== 0) findings.defect(path, `dOps of version ${head[8]}`);
  head.subarray(10, 12).swap16();
  head.subarray(12, 16).swap32();
  head.subarray(16, 18).swap16();
  return describeAudio(OPUS, head, entry, path, findings);
}

/** A codec whose box holds its configuration behind `skip` bytes. */
function describeBoxed(
  codec: CodecEntry,
  box: string,
  skip: number,
  entry: Buffer,
  path: string,
  findings: Findings,
): SampleDescription {
  const config = findChild(entry, AUDIO_ENTRY_BYTES, box);
  if (config) return describeAudio(codec, config.subarray(skip), entry, path, findings);
  findings.defect(path, `has no ${box}`);
  return { traits: { kind: "audio", codec: codec.name }, video: undefined, audio: undefined };
}

/** What the frames say themselves stands nowhere else; the sample entry repeats it. */
function describeMpegAudio(codec: CodecEntry, entry: Buffer): SampleDescription {
  const channels = entry.readUInt16BE(24);
  const sampleRate = entry.readUInt32BE(32) >>> 16;
  return {
    traits: { kind: "audio", codec: codec.name, sampleRate, channels },
    video: undefined,
    audio: { sampleRate, channels, samplesPerFrame: 0, objectType: 0, rateIndex: 0 },
  };
}

/** `ipcm`: what its samples are says `pcmC`, and `chnl` where they are for more than one speaker (ISO/IEC 23003-5). */
function describePcm(entry: Buffer, path: string, findings: Findings): SampleDescription {
  const description = describeMpegAudio(LPCM, entry);
  const pcmc = findChild(entry, AUDIO_ENTRY_BYTES, "pcmC");
  if (pcmc?.byteLength !== PCMC_BYTES)
    findings.defect(path, pcmc ? `its pcmC has ${pcmc.byteLength} bytes` : "has no pcmC");
  else if (pcmc[FULL_BOX_BYTES + 1] !== entry.readUInt16BE(26))
    findings.defect(path, `says ${entry.readUInt16BE(26)} bits a sample, its pcmC says ${pcmc[FULL_BOX_BYTES + 1]}`);
  const { audio } = description;
  if (audio && audio.channels > 1 && !findChild(entry, AUDIO_ENTRY_BYTES, "chnl")) findings.defect(path, "has no chnl");
  return description;
}

/** objectTypeIndication of the DecoderConfigDescriptor; undefined where there is none. */
function objectTypeOf(entry: Buffer): number | undefined {
  const esds = findChild(entry, AUDIO_ENTRY_BYTES, "esds");
  return esds && decoderConfigDescriptor(esds.subarray(4))?.[0];
}

/** What the sample entry says beside the configuration must agree with it. */
function describeAudio(
  codec: CodecEntry,
  config: Uint8Array,
  entry: Buffer,
  path: string,
  findings: Findings,
): SampleDescription {
  const { audio } = codec.parse(config);
  const channels = entry.readUInt16BE(24);
  if (audio && channels !== audio.channels)
    findings.defect(path, `says ${channels} channels, its configuration says ${audio.channels}`);
  return {
    traits: { kind: "audio", codec: codec.name, sampleRate: audio?.sampleRate ?? 0, channels: audio?.channels ?? 0 },
    video: undefined,
    audio,
  };
}

function describeAac(entry: Buffer, path: string, findings: Findings): SampleDescription {
  const esds = findChild(entry, AUDIO_ENTRY_BYTES, "esds");
  const specific = esds && decoderSpecificInfo(esds.subarray(4));
  if (!specific) {
    findings.defect(path, esds ? "its esds has no decoder configuration" : "has no esds");
    return { traits: { kind: "audio", codec: AAC.name }, video: undefined, audio: undefined };
  }
  const audio = parseAudioSpecificConfig(specific);
  return {
    traits: { kind: "audio", codec: AAC.name, sampleRate: audio.sampleRate, channels: audio.channels },
    video: undefined,
    audio,
  };
}

function findChild(entry: Buffer, from: number, type: string): Buffer | undefined {
  for (let at = from; at + 8 <= entry.byteLength; ) {
    const size = entry.readUInt32BE(at);
    if (entry.toString("latin1", at + 4, at + 8) === type) return entry.subarray(at + 8, at + size);
    if (size < 8) return undefined;
    at += size;
  }
  return undefined;
}

/** ES_Descriptor → DecoderConfigDescriptor → DecoderSpecificInfo, ISO/IEC 14496-1 §7.2.6. */
function decoderSpecificInfo(bytes: Buffer): Buffer | undefined {
  const config = decoderConfigDescriptor(bytes);
  return config && readDescriptor(config.subarray(13), DECODER_SPECIFIC_INFO);
}

function decoderConfigDescriptor(bytes: Buffer): Buffer | undefined {
  const es = readDescriptor(bytes, ES_DESCRIPTOR);
  if (!es || es.byteLength < 3) return undefined;
  const flags = es[2] ?? 0;
  let at = 3;
  if (flags & 0x80) at += 2; // dependsOn_ES_ID
  if (flags & 0x40) at += 1 + (es[at] ?? 0); // URL
  if (flags & 0x20) at += 2; // OCR_ES_Id
  return readDescriptor(es.subarray(at), DECODER_CONFIG_DESCRIPTOR);
}

function readDescriptor(bytes: Buffer, tag: number): Buffer | undefined {
  if (bytes[0] !== tag) return undefined;
  let size = 0;
  let at = 1;
  for (; at <= 4; at++) {
    const byte = bytes[at] ?? 0;
    size = size * 128 + (byte & 127);
    if ((byte & 128) === 0) break;
  }
  return bytes.subarray(at + 1, at + 1 + size);
}
