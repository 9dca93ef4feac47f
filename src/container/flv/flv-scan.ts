// Walks the tags of an FLV file that a crash left and gathers what its head must say. Bounded memory: the keyframe
// table thins itself as the recorder's own does (src/abi/flv.ts).

import { FLV_MAX_KEYFRAMES } from "../../abi/flv.js";
import { parseAudioSpecificConfig } from "../../media/codec/aac/audio-specific-config.js";
import { parseAvcDecoderConfiguration } from "../../media/codec/h264/decoder-configuration.js";
import {
  AAC_HEADER_BYTES,
  AVC_HEADER_BYTES,
  CODEC_ID_AVC,
  FIRST_TAG_POSITION,
  FRAME_TYPE_INFO,
  FRAME_TYPE_KEY,
  isTagType,
  PACKET_END_OF_SEQUENCE,
  PACKET_SEQUENCE_HEADER,
  PREVIOUS_TAG_SIZE_BYTES,
  parseTagHeader,
  SOUND_FORMAT_AAC,
  TAG_AUDIO,
  TAG_HEADER_BYTES,
  TAG_VIDEO,
  type Tag,
  tagStride,
} from "../../media/flv/flv-tag.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { FileWindow } from "../file-window.js";

export interface FlvKeyframe {
  position: number;
  timeMs: number;
}

interface FlvTrack {
  frames: number;
  firstMs: number;
  lastMs: number;
  /** Duration of the last frame. */
  frameMs: number;
}

const WIRE_MODULUS = 2 ** 32;
/** Parameter sets are at most a few hundred bytes. */
const MAX_CONFIG_BYTES = 64 * 1024;

export class FlvScan {
  readonly video: FlvTrack = { frames: 0, firstMs: 0, lastMs: 0, frameMs: 0 };
  readonly audio: FlvTrack = { frames: 0, firstMs: 0, lastMs: 0, frameMs: 0 };
  width = 0;
  height = 0;
  sampleRate = 0;
  channels = 0;
  keyframes: FlvKeyframe[] = [];
  lastKeyframeMs = 0;
  lastTimestampMs = 0;
  /** Behind the last whole tag. */
  end = FIRST_TAG_POSITION;
  readonly #window: FileWindow;
  readonly #clocks = { video: new Unwrapper(WIRE_MODULUS), audio: new Unwrapper(WIRE_MODULUS) };
  #keyframesSeen = 0;
  #stride = 1;

  constructor(window: FileWindow) {
    this.#window = window;
  }

  run(): void {
    for (let tag = this.wholeTagAt(this.end); tag; tag = this.wholeTagAt(this.end)) {
      if (tag.type === TAG_VIDEO) this.#takeVideo(tag);
      else if (tag.type === TAG_AUDIO) this.#takeAudio(tag);
      this.end = tag.position + tagStride(tag);
    }
  }

  get durationMs(): number {
    return Math.max(
      this.video.frames > 0 ? this.video.lastMs + this.video.frameMs : 0,
      this.audio.frames > 0 ? this.audio.lastMs + this.audio.frameMs : 0,
    );
  }

  /** Mean over the file, 0 where there are not two pictures. */
  get frameRate(): number {
    const spanMs = this.video.lastMs - this.video.firstMs;
    return this.video.frames > 1 && spanMs > 0 ? ((this.video.frames - 1) * 1000) / spanMs : 0;
  }

  /** A tag that is there to its last byte, its PreviousTagSize included. */
  wholeTagAt(position: number): Tag | undefined {
    const head = this.#window.read(position, TAG_HEADER_BYTES);
    if (head.byteLength < TAG_HEADER_BYTES) return undefined;
    const tag = parseTagHeader(head, position);
    if (!isTagType(tag.type) || tag.streamId !== 0 || position + tagStride(tag) > this.#window.sizeBytes)
      return undefined;
    const behind = this.#window.read(position + TAG_HEADER_BYTES + tag.dataBytes, PREVIOUS_TAG_SIZE_BYTES);
    return behind.readUInt32BE(0) === TAG_HEADER_BYTES + tag.dataBytes ? tag : undefined;
  }

  #takeVideo(tag: Tag): void {
    const head = this.#window.read(tag.position + TAG_HEADER_BYTES, Math.min(AVC_HEADER_BYTES, tag.dataBytes));
    const frameType = (head[0] ?? 0) >> 4;
    const isAvc = ((head[0] ?? 0) & 15) === CODEC_ID_AVC;
    if (frameType === FRAME_TYPE_INFO || (isAvc && head[1] === PACKET_END_OF_SEQUENCE)) return;
    if (isAvc && head[1] === PACKET_SEQUENCE_HEADER) {
      this.#takeVideoConfig(tag);
      return;
    }
    const timeMs = this.#count(this.video, this.#clocks.video.unwrap(tag.timestampMs));
    if (frameType === FRAME_TYPE_KEY) this.#addKeyframe({ position: tag.position, timeMs });
  }

  #takeAudio(tag: Tag): void {
    const head = this.#window.read(tag.position + TAG_HEADER_BYTES, Math.min(AAC_HEADER_BYTES, tag.dataBytes));
    const isAac = (head[0] ?? 0) >> 4 === SOUND_FORMAT_AAC;
    if (isAac && head[1] === PACKET_SEQUENCE_HEADER) {
      this.#takeAudioConfig(tag);
      return;
    }
    const frameMs = this.audio.frameMs;
    this.#count(this.audio, this.#clocks.audio.unwrap(tag.timestampMs));
    if (this.sampleRate > 0) this.audio.frameMs = frameMs;
  }

  #count(track: FlvTrack, timeMs: number): number {
    if (track.frames === 0) track.firstMs = timeMs;
    else if (timeMs > track.lastMs) track.frameMs = timeMs - track.lastMs;
    track.frames++;
    track.lastMs = Math.max(timeMs, track.lastMs);
    this.lastTimestampMs = Math.max(this.lastTimestampMs, timeMs);
    return timeMs;
  }

  /**
   * A configuration that cannot be parsed leaves the fields of the head as they are: frames and bytes are not lost for
   * it.
   */
  #takeVideoConfig(tag: Tag): void {
    try {
      const { width, height } = parseAvcDecoderConfiguration(this.#body(tag, AVC_HEADER_BYTES));
      this.width = width;
      this.height = height;
    } catch {}
  }

  #takeAudioConfig(tag: Tag): void {
    try {
      const { sampleRate, channels, samplesPerFrame } = parseAudioSpecificConfig(this.#body(tag, AAC_HEADER_BYTES));
      this.sampleRate = sampleRate;
      this.channels = channels;
      this.audio.frameMs = (samplesPerFrame * 1000) / sampleRate;
    } catch {}
  }

  #body(tag: Tag, from: number): Buffer {
    return this.#window.read(
      tag.position + TAG_HEADER_BYTES + from,
      Math.min(MAX_CONFIG_BYTES, Math.max(0, tag.dataBytes - from)),
    );
  }

  #addKeyframe(keyframe: FlvKeyframe): void {
    this.lastKeyframeMs = keyframe.timeMs;
    const seen = this.#keyframesSeen++;
    if (this.keyframes.length === FLV_MAX_KEYFRAMES) {
      this.keyframes = this.keyframes.filter((_, i) => i % 2 === 0);
      this.#stride *= 2;
    }
    if (seen % this.#stride === 0) this.keyframes.push(keyframe);
  }
}
