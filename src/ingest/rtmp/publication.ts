// One published stream: audio and video messages become frames of an in-stream. The usual message is assembled in the
// ring itself:
//
//   begin: tag header read, room reserved ─▶ append: payload copied from the read buffer into the ring ─▶ finish: checked and committed
//
// A message that another one interrupts, that finds no room, or whose NAL unit lengths must be rewritten goes through
// scratch memory and enters the ring when it is complete; the ring never waits for a half message. Where the ring is
// full then, `deliver` answers false and is called again after `room`.

import { TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import { ReelError } from "../../base/reel-error.js";
import { AAC } from "../../media/codec/aac/aac.js";
import { H264 } from "../../media/codec/h264/h264.js";
import { AvTag, MAX_TAG_HEADER_SIZE, TAG_DECODER_CONFIG, TAG_FRAME, TAG_UNSUPPORTED } from "../../media/flv/av-tag.js";
import type { InStream } from "../../stream/in-stream.js";
import { RandomAccessRule } from "../../stream/random-access-rule.js";
import { TICKS_PER_MS } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";
import { DISCARD, type IncomingMessage, type MessageDestination } from "./chunk-reader.js";
import { NAL_LENGTH_SIZE, removeEmptyNals, widenNalLengths } from "./nal-lengths.js";
import { MAX_CONFIG_BYTES, MESSAGE_VIDEO } from "./rtmp-protocol.js";
import type { Scratch } from "./scratch.js";
import { VideoMessages } from "./video-messages.js";

/** lengthSizeMinusOne = 3: frames in a ring always have 4-byte lengths. */
const AVCC_LENGTH_SIZE_INDEX = 4;
const AVCC_LENGTH_SIZE_4 = 3;
/** RTMP timestamps are 32-bit milliseconds. */
const TIMESTAMP_MODULUS = 4294967296;
const NO_BYTES = new Uint8Array(0);

export class Publication implements MessageDestination {
  readonly inStream: InStream;
  /** Says something about the source once per text: an encoder repeats its faults with every frame. */
  #noteOnce: (note: string) => void;
  #arena: Arena;
  #scratch: Scratch;
  #unwrapper = new Unwrapper(TIMESTAMP_MODULUS);
  #nalLengthSize = NAL_LENGTH_SIZE;
  #tag = new AvTag();
  #video = new VideoMessages();
  #randomAccess = new RandomAccessRule();
  #notes = new Set<string>();
  /** Frames that could not be used since the last good one. */
  #lost = { frames: 0, bytes: 0, firstWireMs: 0 };

  // The message that is being assembled in the ring, and its reservation.
  #open: IncomingMessage | undefined;
  #pointer = 0;
  #filledBytes = 0;
  /** Of these, what was kept of earlier messages. */
  #keptBytes = 0;
  #headerBytes = 0;
  #header = new Uint8Array(MAX_TAG_HEADER_SIZE);
  #isKey = false;
  #compositionTimeMs = 0;

  constructor(inStream: InStream, arena: Arena, scratch: Scratch, note: (note: string) => void) {
    this.inStream = inStream;
    this.#arena = arena;
    this.#scratch = scratch;
    this.#noteOnce = (text) => {
      if (this.#notes.has(text) || this.#notes.size >= 32) return;
      this.#notes.add(text);
      note(text);
    };
  }

  /** Decides where an audio or video message goes. `bytes` is a view of the arena. */
  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    if (this.inStream.ended) return DISCARD;
    // A chunk size below that of a tag header: the header is read when the message is complete.
    if (available < Math.min(message.sizeBytes, MAX_TAG_HEADER_SIZE)) return this.#scratch;
    const tag = this.#parseTag(message.type, bytes, at, available);
    if (tag.kind === TAG_DECODER_CONFIG && message.sizeBytes <= MAX_CONFIG_BYTES) return this.#scratch;
    if (tag.kind !== TAG_FRAME || !this.#isRecorded(message.type)) return DISCARD;
    if (message.type === MESSAGE_VIDEO && this.#nalLengthSize !== NAL_LENGTH_SIZE) return this.#scratch;
    const payloadBytes = message.sizeBytes - tag.headerBytes;
    if (payloadBytes <= 0) return DISCARD;
    this.#makeWay();
    const keptBytes = message.type === MESSAGE_VIDEO ? this.#video.kept.byteLength : 0;
    const pointer = this.inStream.reserve(keptBytes + payloadBytes, false);
    if (pointer === 0) return this.#scratch;
    if (keptBytes > 0) this.#arena.u8.set(this.#video.kept, pointer);
    this.#open = message;
    this.#pointer = pointer;
    this.#keptBytes = keptBytes;
    this.#filledBytes = keptBytes;
    this.#headerBytes = tag.headerBytes;
    for (let i = 0; i < tag.headerBytes; i++) this.#header[i] = bytes[at + i] ?? 0;
    this.#isKey = tag.isKey;
    this.#compositionTimeMs = tag.compositionTimeMs;
    return this;
  }

  append(message: IncomingMessage, bytes: Uint8Array, at: number, size: number): void {
    const skip = message.receivedBytes === 0 ? this.#headerBytes : 0;
    const from = bytes.byteOffset + at + skip;
    const to = this.#pointer + this.#filledBytes;
    this.#arena.copy(to, from, size - skip);
    this.#filledBytes += size - skip;
  }

  finish(message: IncomingMessage): boolean {
    this.#open = undefined;
    this.#commit(
      message.type,
      this.#pointer,
      this.#keptBytes,
      this.#filledBytes,
      message.timestampMs,
      this.#compositionTimeMs,
      this.#isKey,
    );
    return true;
  }

  abort(message: IncomingMessage): void {
    if (this.#open !== message) return;
    this.#open = undefined;
    this.inStream.abandon();
  }

  /**
   * A complete audio or video message that lies outside of the ring. False where the ring is full; nothing was taken
   * then.
   */
  deliver(type: number, timestampMs: number, message: Uint8Array): boolean {
    if (this.inStream.ended) return true;
    const tag = this.#parseTag(type, message, 0, message.byteLength);
    if (tag.kind === TAG_DECODER_CONFIG) {
      this.#setDecoderConfig(type, message.subarray(tag.headerBytes));
      return true;
    }
    if (tag.kind !== TAG_FRAME || !this.#isRecorded(type)) return true;
    let payload = message.subarray(tag.headerBytes);
    if (type === MESSAGE_VIDEO && this.#nalLengthSize !== NAL_LENGTH_SIZE)
      payload = widenNalLengths(payload, this.#nalLengthSize);
    if (payload.byteLength === 0) return true;
    const kept = type === MESSAGE_VIDEO ? this.#video.kept : NO_BYTES;
    this.#makeWay();
    let pointer = 0;
    try {
      pointer = this.inStream.reserve(kept.byteLength + payload.byteLength);
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "arenaFull") throw error;
      // Larger than a ring may become: this frame is lost, the stream goes on.
      this.#noteOnce(error.message);
      this.#countLost(payload.byteLength, timestampMs);
      return true;
    }
    if (pointer === 0) return false;
    const { u8 } = this.#arena;
    u8.set(kept, pointer);
    u8.set(payload, pointer + kept.byteLength);
    const sizeBytes = kept.byteLength + payload.byteLength;
    this.#commit(type, pointer, kept.byteLength, sizeBytes, timestampMs, tag.compositionTimeMs, tag.isKey);
    return true;
  }

  /** No more messages will come, and the in-stream ends. */
  close(reason: string): void {
    this.leave();
    if (!this.inStream.ended) this.inStream.end(reason);
  }

  /** No more messages will come; whoever opened the in-stream ends it. */
  leave(): void {
    const open = this.#open;
    if (open) {
      open.destination = DISCARD;
      this.abort(open);
    }
    if (!this.inStream.ended) this.#reportLost(TRACK_VIDEO, this.#lost.firstWireMs);
  }

  /** The ring has one reservation: a half message in it moves out. */
  #makeWay(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    this.inStream.abandon();
    this.#scratch.adopt(
      open,
      this.#header.subarray(0, this.#headerBytes),
      this.#arena.u8.subarray(this.#pointer + this.#keptBytes, this.#pointer + this.#filledBytes),
    );
  }

  #commit(
    type: number,
    pointer: number,
    keptBytes: number,
    sizeBytes: number,
    timestampMs: number,
    compositionTimeMs: number,
    isKey: boolean,
  ): void {
    const track = type === MESSAGE_VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
    const size = track === TRACK_VIDEO ? this.#checkPicture(pointer, keptBytes, sizeBytes, timestampMs) : sizeBytes;
    if (size === 0) {
      this.inStream.abandon();
      return;
    }
    const wireMs = this.#unwrapper.unwrap(timestampMs);
    const dts90k = wireMs * TICKS_PER_MS;
    const isRandomAccess = track === TRACK_AUDIO || this.#isRandomAccess(isKey, dts90k);
    if (track === TRACK_VIDEO) {
      this.#video.clearKept();
      VideoMessages.putDelimiterFirst(this.#arena.u8, pointer, keptBytes, pointer + size);
      if (isRandomAccess && this.#video.hasChanges) this.#applyChanges();
    }
    this.#reportLost(track, wireMs);
    this.inStream.commit(track, size, dts90k, compositionTimeMs * TICKS_PER_MS, isRandomAccess);
  }

  /** Bytes of the frame; 0 where there is none: a message that is damaged, or that has no picture. */
  #checkPicture(pointer: number, keptBytes: number, sizeBytes: number, timestampMs: number): number {
    const { u8 } = this.#arena;
    const video = this.#video;
    video.inspect(u8, pointer, pointer + sizeBytes);
    if (video.isDamaged) {
      this.#noteOnce("a video frame whose NAL unit lengths do not fit was dropped");
      this.#countLost(sizeBytes, timestampMs);
      return 0;
    }
    if (!video.facts.hasNal) return 0;
    let end = pointer + sizeBytes;
    if (video.hasEmptyNal) end = removeEmptyNals(u8, pointer, end);
    if (video.facts.hasSlice) return end - pointer;
    this.#noteOnce("video messages without a picture were joined to the next one");
    if (!video.keep(u8, pointer + keptBytes, end)) video.clearKept();
    return 0;
  }

  #isRandomAccess(isKey: boolean, dts90k: number): boolean {
    const { facts } = this.#video;
    const isRandomAccess = this.#randomAccess.isRandomAccess(facts, isKey, dts90k);
    if (isKey && !isRandomAccess && !facts.isIntra)
      this.#noteOnce("a key frame without IDR slice or recovery point is not one");
    return isRandomAccess;
  }

  /** Parameter sets came in band that differ from those of the header. */
  #applyChanges(): void {
    try {
      const avcC = this.#video.applyChanges();
      if (!avcC) return;
      this.inStream.setDecoderConfig(TRACK_VIDEO, H264.name, avcC);
      this.#noteOnce("parameter sets changed in band, without a new decoder configuration");
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#noteOnce(error.message);
      const inForce = this.inStream.config(TRACK_VIDEO);
      if (inForce) this.#video.useHeader(inForce.bytes);
    }
  }

  #parseTag(type: number, bytes: Uint8Array, at: number, available: number): AvTag {
    const tag = this.#tag;
    if (type === MESSAGE_VIDEO) tag.parseVideo(bytes, at, available);
    else tag.parseAudio(bytes, at, available);
    if (tag.kind === TAG_UNSUPPORTED) this.#noteOnce(`${tag.unsupported} is not recorded`);
    return tag;
  }

  /** Frames in front of the first decoder configuration cannot be decoded by anyone. */
  #isRecorded(type: number): boolean {
    if (this.inStream.config(type === MESSAGE_VIDEO ? TRACK_VIDEO : TRACK_AUDIO)) return true;
    this.#noteOnce(`${type === MESSAGE_VIDEO ? "video" : "audio"} frames came without a usable decoder configuration`);
    return false;
  }

  #setDecoderConfig(type: number, bytes: Uint8Array): void {
    try {
      if (type === MESSAGE_VIDEO) {
        const avcC = bytes.slice();
        const lengthSizeByte = avcC[AVCC_LENGTH_SIZE_INDEX] ?? 0;
        avcC[AVCC_LENGTH_SIZE_INDEX] = lengthSizeByte | AVCC_LENGTH_SIZE_4;
        // lengthSizeMinusOne 2 is reserved (ISO/IEC 14496-15 §5.3.3.1.2): left as it is, the parser refuses it.
        this.inStream.setDecoderConfig(TRACK_VIDEO, H264.name, (lengthSizeByte & 3) === 2 ? bytes : avcC);
        this.#nalLengthSize = (lengthSizeByte & 3) + 1;
        this.#video.useHeader(avcC);
      } else this.inStream.setDecoderConfig(TRACK_AUDIO, AAC.name, bytes);
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#noteOnce(error.message);
    }
  }

  #countLost(bytes: number, timestampMs: number): void {
    const lost = this.#lost;
    if (lost.frames === 0) lost.firstWireMs = this.#unwrapper.unwrap(timestampMs);
    lost.frames++;
    lost.bytes += bytes;
  }

  /** A run of unusable frames is one entry, made when it is over. Only video can be unusable. */
  #reportLost(track: number, wireMs: number): void {
    const lost = this.#lost;
    if (lost.frames === 0 || track !== TRACK_VIDEO) return;
    const { frames, bytes } = lost;
    lost.frames = 0;
    lost.bytes = 0;
    this.inStream.reportSourceLoss({
      track: TRACK_VIDEO,
      frames,
      bytes,
      durationMs: Math.max(0, wireMs - lost.firstWireMs),
    });
  }
}
