// One track of an FLV file: its sequence header, then its frames. Adobe Flash Video File Format 10.1, annex E.4.2,
// E.4.3.

import { parseAudioSpecificConfig } from "../../media/codec/aac/audio-specific-config.js";
import { parseAvcDecoderConfiguration } from "../../media/codec/h264/decoder-configuration.js";
import { codecOfFlv } from "../../media/codec/table.js";
import {
  AAC_HEADER_BYTES,
  AVC_HEADER_BYTES,
  CODEC_ID_AVC,
  FRAME_TYPE_INFO,
  FRAME_TYPE_KEY,
  PACKET_END_OF_SEQUENCE,
  PACKET_SEQUENCE_HEADER,
  SOUND_FORMAT_AAC,
  TAG_HEADER_BYTES,
  type Tag,
} from "../../media/flv/flv-tag.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { Findings } from "../findings.js";
import { isRandomAccess, readPicture } from "../picture.js";
import { TrackAudit } from "../track-audit.js";
import type { WindowReader } from "../window-reader.js";

const TICKS_PER_SECOND = 1000;
const WIRE_MODULUS = 2 ** 32;
const MAX_CONFIG_BYTES = 64 * 1024;

export class FlvTrack {
  readonly audit: TrackAudit;
  readonly #reader: WindowReader;
  readonly #findings: Findings;
  readonly #clock = new Unwrapper(WIRE_MODULUS);
  #hasConfig = false;
  #nalLengthSize = 4;
  #frameMs: number | undefined;
  #place = "";

  constructor(kind: "video" | "audio", index: number, reader: WindowReader, findings: Findings) {
    this.audit = new TrackAudit({ kind, codec: "unknown" }, index, TICKS_PER_SECOND, findings, () => this.#place);
    this.#reader = reader;
    this.#findings = findings;
  }

  /** True where the tag is a key frame that a table of keyframes may point to. */
  async take(tag: Tag, place: string): Promise<boolean> {
    this.#place = place;
    if (tag.dataBytes === 0) {
      this.#findings.defect(place, "is empty");
      return false;
    }
    return this.audit.traits.kind === "video" ? this.#takeVideo(tag) : this.#takeAudio(tag);
  }

  async #takeVideo(tag: Tag): Promise<boolean> {
    const head = await this.#read(tag, 0, AVC_HEADER_BYTES);
    const first = head[0] ?? 0;
    const isKey = first >> 4 === FRAME_TYPE_KEY;
    if (first >> 4 === FRAME_TYPE_INFO) return false;
    this.audit.traits.codec = codecOfFlv("video", first & 15)?.name ?? `CodecID ${first & 15}`;
    if ((first & 15) !== CODEC_ID_AVC) {
      this.audit.isFirstFrameDecodable ||= isKey && this.audit.frames === 0;
      this.#add(tag, 0, isKey);
      return isKey;
    }
    if (head[1] === PACKET_END_OF_SEQUENCE) return false;
    if (head[1] === PACKET_SEQUENCE_HEADER) {
      await this.#takeVideoConfig(tag);
      return false;
    }
    const position = tag.position + TAG_HEADER_BYTES + AVC_HEADER_BYTES;
    const compositionMs = head.byteLength < AVC_HEADER_BYTES ? 0 : head.readIntBE(2, 3);
    const { picture, complaint } = await readPicture(
      this.#reader,
      position,
      Math.max(0, tag.dataBytes - AVC_HEADER_BYTES),
      this.#nalLengthSize,
    );
    if (complaint !== undefined) this.#findings.defect(this.#place, complaint);
    else if (!picture.hasSlice) this.#findings.defect(this.#place, "has no slice");
    else if (isKey && !isRandomAccess(picture))
      this.#findings.defect(this.#place, "is a key frame, but decoding cannot start there");
    else if (!isKey && picture.isIdr) this.#findings.defect(this.#place, "is an IDR, but no key frame");
    if (this.audit.frames === 0) {
      this.audit.isFirstFrameDecodable = this.#hasConfig && complaint === undefined && isRandomAccess(picture);
      if (!this.audit.isFirstFrameDecodable)
        this.#findings.defect(this.#place, "decoding cannot start with the first picture");
    }
    this.#add(tag, compositionMs, isKey);
    return isKey;
  }

  async #takeAudio(tag: Tag): Promise<boolean> {
    const head = await this.#read(tag, 0, AAC_HEADER_BYTES);
    const format = (head[0] ?? 0) >> 4;
    this.audit.traits.codec = codecOfFlv("audio", format)?.name ?? `SoundFormat ${format}`;
    if (format === SOUND_FORMAT_AAC && head[1] === PACKET_SEQUENCE_HEADER) {
      await this.#takeAudioConfig(tag);
      return false;
    }
    if (this.audit.frames === 0) {
      this.audit.isFirstFrameDecodable = this.#hasConfig || format !== SOUND_FORMAT_AAC;
      if (!this.audit.isFirstFrameDecodable) this.#findings.defect(this.#place, "comes before a sequence header");
    }
    this.#add(tag, 0, true);
    return false;
  }

  #add(tag: Tag, compositionMs: number, isKey: boolean): void {
    const dts = this.#clock.unwrap(tag.timestampMs);
    this.audit.add({ dts, pts: dts + compositionMs, duration: this.#frameMs, isKey, sizeBytes: tag.dataBytes });
  }

  async #takeVideoConfig(tag: Tag): Promise<void> {
    try {
      const config = parseAvcDecoderConfiguration(await this.#read(tag, AVC_HEADER_BYTES, MAX_CONFIG_BYTES));
      this.#hasConfig = true;
      this.#nalLengthSize = config.nalLengthSize;
      this.audit.traits.width = config.width;
      this.audit.traits.height = config.height;
    } catch (error) {
      this.#findings.defect(this.#place, (error as Error).message);
    }
  }

  async #takeAudioConfig(tag: Tag): Promise<void> {
    try {
      const config = parseAudioSpecificConfig(await this.#read(tag, AAC_HEADER_BYTES, MAX_CONFIG_BYTES));
      this.#hasConfig = true;
      this.audit.traits.sampleRate = config.sampleRate;
      this.audit.traits.channels = config.channels;
      this.#frameMs = (config.samplesPerFrame * TICKS_PER_SECOND) / config.sampleRate;
    } catch (error) {
      this.#findings.defect(this.#place, (error as Error).message);
    }
  }

  async #read(tag: Tag, from: number, bytes: number): Promise<Buffer> {
    const at = tag.position + TAG_HEADER_BYTES + from;
    const wanted = Math.min(bytes, Math.max(0, tag.dataBytes - from));
    return this.#reader.peek(at, wanted) ?? (await this.#reader.load(at, wanted));
  }
}
