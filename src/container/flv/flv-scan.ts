// Walks the tags of an FLV file that a crash left and gathers what its head must say. Bounded memory: the keyframe
// table thins itself as the recorder's own does (src/abi/flv.ts).

import { FLV_MAX_KEYFRAMES } from "../../abi/flv.js";
import type { AudioConfig } from "../../media/codec/audio-config.js";
import type { CodecEntry } from "../../media/codec/codec-entry.js";
import { pcmBlockBytes } from "../../media/codec/pcm/pcm-config.js";
import { parseSoundFrame } from "../../media/codec/sound-headers.js";
import { AvTag, TAG_DAMAGED, TAG_DECODER_CONFIG, TAG_IGNORED } from "../../media/flv/av-tag.js";
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
import { headBytesOf, type TagPart, tagParts } from "../../media/flv/tag-parts.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { FileWindow } from "../file-window.js";

export interface FlvKeyframe {
  position: number;
  timeMs: number;
}

const WIRE_MODULUS = 2 ** 32;

/** One track of the file. Of video the sound's facts stay 0, and the other way round. */
class FlvTrack {
  /** Of the last tag; undefined where the table has none. */
  codec: CodecEntry | undefined;
  /** As onMetaData names it. */
  metadataId = 0;
  frames = 0;
  firstMs = 0;
  lastMs = 0;
  /** Duration of the last frame. */
  frameMs = 0;
  width = 0;
  height = 0;
  sampleRate = 0;
  channels = 0;
  sampleBits = 16;
  /** Where the bytes of the last frame are in the file. */
  lastStart = 0;
  lastEnd = 0;
  readonly #clock = new Unwrapper(WIRE_MODULUS);

  /** Returns the time of the frame. */
  count(timestampMs: number): number {
    const timeMs = this.#clock.unwrap(timestampMs);
    if (this.frames === 0) this.firstMs = timeMs;
    // With a configuration the duration of an audio frame is known.
    else if (timeMs > this.lastMs && this.sampleRate === 0) this.frameMs = timeMs - this.lastMs;
    this.frames++;
    this.lastMs = Math.max(timeMs, this.lastMs);
    return timeMs;
  }

  /** Of a decoder configuration, or of the first frame where there is none. */
  takeSound(audio: AudioConfig | undefined): void {
    if (!audio) return;
    this.sampleRate = audio.sampleRate;
    this.channels = audio.channels;
    this.frameMs = (audio.samplesPerFrame * 1000) / audio.sampleRate;
  }
}

/** Parameter sets are at most a few hundred bytes. */
const MAX_CONFIG_BYTES = 64 * 1024;
const KEY_HEAD_BYTES = 64;
/** The longest head of a sound frame that says how long it lasts. */
const FRAME_HEAD_BYTES = 16;
/** SoundSize in a tag's first byte. */
const SOUND_SIZE_16 = 2;

export class FlvScan {
  readonly #video: FlvTrack[] = [];
  readonly #audio: FlvTrack[] = [];
  keyframes: FlvKeyframe[] = [];
  lastKeyframeMs = 0;
  lastTimestampMs = 0;
  /** Behind the last whole tag. */
  end = FIRST_TAG_POSITION;
  readonly #window: FileWindow;
  readonly #head = new AvTag();
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
    for (const track of this.#audio) this.#measureLast(track);
  }

  /** The last sound lasts as long as its own bytes say, where they do. */
  #measureLast(track: FlvTrack): void {
    const { codec, lastStart, lastEnd, sampleRate } = track;
    if (!codec?.frameSamples || sampleRate === 0) return;
    const frame = this.#window.read(lastStart, Math.min(FRAME_HEAD_BYTES, lastEnd - lastStart));
    const samples = codec.frameSamples(frame, 0, frame.byteLength);
    if (samples > 0) track.frameMs = (samples * 1000) / sampleRate;
  }

  /** What the head describes: the first of the kind that has frames. Undefined where none has. */
  get video(): FlvTrack | undefined {
    return this.#video.find(({ frames }) => frames > 0);
  }

  get audio(): FlvTrack | undefined {
    return this.#audio.find(({ frames }) => frames > 0);
  }

  get videoFrames(): number {
    return this.#video.reduce((sum, { frames }) => sum + frames, 0);
  }

  get audioFrames(): number {
    return this.#audio.reduce((sum, { frames }) => sum + frames, 0);
  }

  get durationMs(): number {
    const all = [...this.#video, ...this.#audio].filter(({ frames }) => frames > 0);
    return Math.max(0, ...all.map(({ lastMs, frameMs }) => lastMs + frameMs));
  }

  /** Mean over the file, 0 where there are not two pictures. */
  get frameRate(): number {
    const { frames, firstMs, lastMs } = this.video ?? { frames: 0, firstMs: 0, lastMs: 0 };
    const spanMs = lastMs - firstMs;
    return frames > 1 && spanMs > 0 ? ((frames - 1) * 1000) / spanMs : 0;
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
    if (tag.dataBytes === 0) return;
    const kind = tag.type === TAG_VIDEO ? "video" : "audio";
    const at = tag.position + TAG_HEADER_BYTES;
    const [first = 0] = this.#window.read(at, 1);
    const head = this.#window.read(at, headBytesOf(kind, first, tag.dataBytes));
    for (const part of tagParts(this.#head, kind, head, tag.dataBytes)) this.#takePart(tag, kind, part);
  }

  #takePart(tag: Tag, kind: "video" | "audio", part: TagPart): void {
    if (part.kind === TAG_IGNORED || part.kind === TAG_DAMAGED) return;
    const track = this.#trackOf(kind, part.trackId);
    const { codec } = part;
    track.codec = codec;
    track.metadataId = part.metadataId;
    if (part.kind === TAG_DECODER_CONFIG) {
      if (codec) this.#takeConfig(track, codec, this.#read(tag, part, MAX_CONFIG_BYTES));
      return;
    }
    if (codec && track.sampleRate === 0) this.#takeSound(track, codec, tag, part);
    const timeMs = track.count(tag.timestampMs);
    track.lastStart = tag.position + TAG_HEADER_BYTES + part.headerBytes;
    track.lastEnd = tag.position + TAG_HEADER_BYTES + part.endBytes;
    const config = codec?.flv?.configOfTag?.(part.first);
    // Such sound is of any length, which its bytes say.
    if (config && track.sampleRate > 0)
      track.frameMs = ((part.endBytes - part.headerBytes) / pcmBlockBytes(config) / track.sampleRate) * 1000;
    this.lastTimestampMs = Math.max(this.lastTimestampMs, timeMs);
    if (kind !== "video" || !part.isKey) return;
    // Where the configuration does not say how large pictures are.
    const keyHead = codec?.keyFrameSize ? this.#read(tag, part, KEY_HEAD_BYTES) : undefined;
    const size = keyHead && codec?.keyFrameSize?.(keyHead, 0, keyHead.byteLength);
    if (size) Object.assign(track, { width: size.width, height: size.height });
    if (part.trackId === 0) this.#addKeyframe({ position: tag.position, timeMs });
  }

  /** What a frame or its tag say of sound that has no decoder configuration beside them. */
  #takeSound(track: FlvTrack, codec: CodecEntry, tag: Tag, part: TagPart): void {
    const config = codec.flv?.configOfTag?.(part.first);
    if (config) {
      track.sampleBits = (part.first & SOUND_SIZE_16) !== 0 ? 16 : 8;
      track.takeSound(codec.parse(config).audio);
    } else if (codec.configFrom === "frames")
      track.takeSound(parseSoundFrame(codec, this.#read(tag, part, MAX_CONFIG_BYTES)));
  }

  #trackOf(kind: "video" | "audio", trackId: number): FlvTrack {
    const tracks = kind === "video" ? this.#video : this.#audio;
    while (tracks.length <= trackId) tracks.push(new FlvTrack());
    return tracks[trackId] as FlvTrack;
  }

  /**
   * A configuration that cannot be parsed leaves the fields of the head as they are: frames and bytes are not lost for
   * it.
   */
  #takeConfig(track: FlvTrack, codec: CodecEntry, bytes: Buffer): void {
    try {
      const { video, audio } = codec.parse(bytes);
      if (video) Object.assign(track, { width: video.width, height: video.height });
      track.takeSound(audio);
    } catch {}
  }

  /** Of the part's data, at most `bytes`. */
  #read(tag: Tag, { headerBytes, endBytes }: TagPart, bytes: number): Buffer {
    const at = tag.position + TAG_HEADER_BYTES + headerBytes;
    return this.#window.read(at, Math.min(bytes, Math.max(0, endBytes - headerBytes)));
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
