// Walks the tags of an FLV file that a crash left and gathers what its head must say. Bounded memory: the keyframe
// table thins itself as the recorder's own does (src/abi/flv.ts).

import { FLV_MAX_KEYFRAMES } from "../../abi/flv.js";
import type { AudioConfig } from "../../media/codec/audio-config.js";
import type { CodecEntry } from "../../media/codec/codec-entry.js";
import { parseSoundFrame } from "../../media/codec/sound-headers.js";
import { AvTag, MAX_TAG_HEADER_SIZE, TAG_DAMAGED, TAG_DECODER_CONFIG, TAG_IGNORED } from "../../media/flv/av-tag.js";
import {
  FIRST_TAG_POSITION,
  isTagType,
  PREVIOUS_TAG_SIZE_BYTES,
  parseTagHeader,
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
  /** Of the last tag; undefined where the table has none. */
  codec: CodecEntry | undefined;
  /** As onMetaData names it. */
  metadataId: number;
  frames: number;
  firstMs: number;
  lastMs: number;
  /** Duration of the last frame. */
  frameMs: number;
}

const WIRE_MODULUS = 2 ** 32;
/** Parameter sets are at most a few hundred bytes. */
const MAX_CONFIG_BYTES = 64 * 1024;
const KEY_HEAD_BYTES = 64;
/** SoundSize in a tag's first byte. */
const SOUND_SIZE_16 = 2;

export class FlvScan {
  readonly video: FlvTrack = { codec: undefined, metadataId: 0, frames: 0, firstMs: 0, lastMs: 0, frameMs: 0 };
  readonly audio: FlvTrack = { codec: undefined, metadataId: 0, frames: 0, firstMs: 0, lastMs: 0, frameMs: 0 };
  width = 0;
  height = 0;
  sampleRate = 0;
  channels = 0;
  sampleBits = 16;
  keyframes: FlvKeyframe[] = [];
  lastKeyframeMs = 0;
  lastTimestampMs = 0;
  /** Behind the last whole tag. */
  end = FIRST_TAG_POSITION;
  readonly #window: FileWindow;
  readonly #head = new AvTag();
  readonly #clocks = { video: new Unwrapper(WIRE_MODULUS), audio: new Unwrapper(WIRE_MODULUS) };
  #keyframesSeen = 0;
  #stride = 1;

  constructor(window: FileWindow) {
    this.#window = window;
  }

  run(): void {
    for (let tag = this.wholeTagAt(this.end); tag; tag = this.wholeTagAt(this.end)) {
      if (tag.type === TAG_VIDEO || tag.type === TAG_AUDIO) this.#take(tag);
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

  #take(tag: Tag): void {
    const bytes = this.#window.read(tag.position + TAG_HEADER_BYTES, Math.min(MAX_TAG_HEADER_SIZE, tag.dataBytes));
    const isVideo = tag.type === TAG_VIDEO;
    const track = isVideo ? this.video : this.audio;
    const clock = isVideo ? this.#clocks.video : this.#clocks.audio;
    const head = this.#head;
    if (isVideo) head.parseVideo(bytes, 0, bytes.byteLength);
    else head.parseAudio(bytes, 0, bytes.byteLength);
    if (head.kind === TAG_IGNORED || head.kind === TAG_DAMAGED) return;
    track.codec = head.codec;
    track.metadataId = head.metadataId;
    if (head.kind === TAG_DECODER_CONFIG) {
      if (head.codec) this.#takeConfig(tag, head.codec, head.headerBytes);
      return;
    }
    if (head.codec && this.sampleRate === 0) this.#takeSound(this.#soundOf(tag, head.codec));
    // With a configuration the duration of an audio frame is known; sound that has it in its tags is of any length.
    const isKnown = !isVideo && this.sampleRate > 0 && head.codec?.configFrom !== "tag";
    const { frameMs } = track;
    const timeMs = this.#count(track, clock.unwrap(tag.timestampMs));
    if (isKnown) track.frameMs = frameMs;
    if (isVideo && head.isKey && head.codec?.keyFrameSize) this.#takeSize(tag, head.codec, head.headerBytes);
    if (head.isKey) this.#addKeyframe({ position: tag.position, timeMs });
  }

  /** Where the configuration does not say how large pictures are. */
  #takeSize(tag: Tag, codec: CodecEntry, headerBytes: number): void {
    const bytes = Math.min(KEY_HEAD_BYTES, tag.dataBytes - headerBytes);
    const head = this.#window.read(tag.position + TAG_HEADER_BYTES + headerBytes, Math.max(0, bytes));
    const size = codec.keyFrameSize?.(head, 0, head.byteLength);
    this.width = size?.width ?? this.width;
    this.height = size?.height ?? this.height;
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
  #takeConfig(tag: Tag, codec: CodecEntry, headerBytes: number): void {
    try {
      const { video, audio } = codec.parse(this.#body(tag, headerBytes));
      if (video) {
        this.width = video.width;
        this.height = video.height;
      }
      this.#takeSound(audio);
    } catch {}
  }

  /** What a frame or its tag say of sound that has no decoder configuration beside them. */
  #soundOf(tag: Tag, codec: CodecEntry): AudioConfig | undefined {
    const { first } = this.#head;
    const config = codec.flv?.configOfTag?.(first);
    if (config) {
      this.sampleBits = (first & SOUND_SIZE_16) !== 0 ? 16 : 8;
      return codec.parse(config).audio;
    }
    if (codec.configFrom !== "frames") return undefined;
    return parseSoundFrame(codec, this.#body(tag, this.#head.headerBytes));
  }

  /** Of a decoder configuration, or of the first frame where there is none. */
  #takeSound(audio: AudioConfig | undefined): void {
    if (!audio) return;
    this.sampleRate = audio.sampleRate;
    this.channels = audio.channels;
    this.audio.frameMs = (audio.samplesPerFrame * 1000) / audio.sampleRate;
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
