// One published stream: audio and video messages become frames of an in-stream. The usual message is assembled in the
// ring itself:
//
//   begin: tag header read, room reserved ─▶ append: payload copied from the read buffer into the ring ─▶ finish: checked and committed
//
// A message that another one interrupts, that finds no room, or whose NAL unit lengths must be rewritten goes through
// scratch memory and enters the ring by the frame sink when it is complete; the ring never waits for a half message.

import { TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { Arena } from "../../arena/arena.js";
import { ReelError } from "../../base/reel-error.js";
import type { CodecEntry } from "../../media/codec/codec-entry.js";
import { H264 } from "../../media/codec/h264/h264.js";
import { AvTag, MAX_TAG_HEADER_SIZE, TAG_DECODER_CONFIG, TAG_FRAME, TAG_UNSUPPORTED } from "../../media/flv/av-tag.js";
import type { InStream } from "../../stream/in-stream.js";
import { TICKS_PER_MS, type Ticks90k } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { FrameSink } from "../frame-sink.js";
import { noteOnce } from "../note-once.js";
import { DISCARD, type IncomingMessage, type MessageDestination } from "./chunk-reader.js";
import { NAL_LENGTH_SIZE, removeEmptyNals, widenNalLengths } from "./nal-lengths.js";
import { MAX_CONFIG_BYTES, MESSAGE_VIDEO } from "./rtmp-protocol.js";
import type { Scratch } from "./scratch.js";
import { VideoMessages } from "./video-messages.js";

/** Where an avcC has lengthSizeMinusOne. */
const AVCC_LENGTH_SIZE_INDEX = 4;
/** RTMP timestamps are 32-bit milliseconds. */
const TIMESTAMP_MODULUS = 4294967296;

/** What of a message is known without its body. */
export interface MediaMessage {
  type: number;
  /** Modulo 2^32. */
  timestampMs: number;
}

export class Publication implements MessageDestination {
  readonly inStream: InStream;
  #noteOnce: (note: string) => void;
  #sink: FrameSink;
  #arena: Arena;
  #scratch: Scratch;
  #unwrapper = new Unwrapper(TIMESTAMP_MODULUS);
  #nalLengthSize = NAL_LENGTH_SIZE;
  #tag = new AvTag();
  #video = new VideoMessages();
  /** By track: a decoder configuration was taken. */
  #isConfigured: boolean[] = [];

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

  /** `sink` has its in-stream open. */
  constructor(sink: FrameSink, inStream: InStream, arena: Arena, scratch: Scratch, note: (note: string) => void) {
    this.inStream = inStream;
    this.#sink = sink;
    this.#arena = arena;
    this.#scratch = scratch;
    this.#noteOnce = noteOnce(note);
    sink.note = this.#noteOnce;
  }

  /** Decides where an audio or video message goes. `bytes` is a view of the arena. */
  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    if (this.inStream.ended) return DISCARD;
    if (this.#sink.isWaiting) return this.#scratch;
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
    const { u8 } = this.#arena;
    const size = this.#check(message, u8, this.#pointer, this.#keptBytes, this.#filledBytes);
    if (size === 0) {
      this.inStream.abandon();
      return true;
    }
    const track = trackOf(message.type);
    const dts90k = this.#dts90k(message);
    const isRandomAccess = track === TRACK_AUDIO || this.#isRandomAccess(this.#isKey, dts90k);
    this.#sink.commit(track, size, dts90k, this.#compositionTimeMs * TICKS_PER_MS, isRandomAccess);
    return true;
  }

  abort(message: IncomingMessage): void {
    if (this.#open !== message) return;
    this.#open = undefined;
    this.inStream.abandon();
  }

  /** A complete audio or video message that lies outside of the ring. Its bytes may be changed. */
  deliver(message: MediaMessage, body: Uint8Array): void {
    if (this.inStream.ended) return;
    const { type } = message;
    const tag = this.#parseTag(type, body, 0, body.byteLength);
    let payload = body.subarray(tag.headerBytes);
    if (tag.kind === TAG_DECODER_CONFIG && tag.codec) this.#setDecoderConfig(tag.codec, payload);
    if (tag.kind !== TAG_FRAME || !this.#isRecorded(type)) return;
    const track = trackOf(type);
    let keptBytes = 0;
    if (track === TRACK_VIDEO) {
      if (this.#nalLengthSize !== NAL_LENGTH_SIZE) payload = widenNalLengths(payload, this.#nalLengthSize);
      const { kept } = this.#video;
      keptBytes = kept.byteLength;
      if (keptBytes > 0 && payload.byteLength > 0) payload = Buffer.concat([kept, payload]);
    }
    if (payload.byteLength === 0) return;
    this.#makeWay();
    const size = this.#check(message, payload, 0, keptBytes, payload.byteLength);
    if (size === 0) return;
    const dts90k = this.#dts90k(message);
    const isRandomAccess = track === TRACK_AUDIO || this.#isRandomAccess(tag.isKey, dts90k);
    const ctsOffset90k = tag.compositionTimeMs * TICKS_PER_MS;
    this.#sink.frame({ track, payload: payload.subarray(0, size), dts90k, ctsOffset90k, isRandomAccess });
  }

  /** No more messages will come, and the in-stream ends. */
  close(reason: string): void {
    this.leave();
    this.#sink.end(reason, true);
  }

  /** No more messages will come; whoever opened the in-stream ends it. */
  leave(): void {
    const open = this.#open;
    if (open) {
      open.destination = DISCARD;
      this.abort(open);
    }
    this.#sink.tellLosses();
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

  /** Bytes of the frame at `start`; 0 where there is none: a message that is damaged, or that has no picture. */
  #check(message: MediaMessage, bytes: Uint8Array, start: number, keptBytes: number, sizeBytes: number): number {
    if (message.type !== MESSAGE_VIDEO) return sizeBytes;
    const video = this.#video;
    video.inspect(bytes, start, start + sizeBytes);
    if (video.isDamaged) {
      this.#noteOnce("a video frame whose NAL unit lengths do not fit was dropped");
      this.#sink.lose(TRACK_VIDEO, sizeBytes, this.#dts90k(message));
      return 0;
    }
    if (!video.facts.hasNal) return 0;
    let end = start + sizeBytes;
    if (video.hasEmptyNal) end = removeEmptyNals(bytes, start, end);
    if (video.facts.hasSlice) {
      video.clearKept();
      VideoMessages.putDelimiterFirst(bytes, start, keptBytes, end);
      return end - start;
    }
    this.#noteOnce("video messages without a picture were joined to the next one");
    if (!video.keep(bytes, start + keptBytes, end)) video.clearKept();
    return 0;
  }

  #dts90k({ timestampMs }: MediaMessage): Ticks90k {
    return this.#unwrapper.unwrap(timestampMs) * TICKS_PER_MS;
  }

  #isRandomAccess(isKey: boolean, dts90k: Ticks90k): boolean {
    const { facts } = this.#video;
    const isRandomAccess = this.#sink.randomAccess.isRandomAccess(facts, isKey, dts90k);
    if (isKey && !isRandomAccess && !facts.isIntra)
      this.#noteOnce("a key frame without IDR slice or recovery point is not one");
    if (isRandomAccess && this.#video.hasChanges) this.#applyChanges();
    return isRandomAccess;
  }

  /** Parameter sets came in band that differ from those of the header. */
  #applyChanges(): void {
    try {
      const avcC = this.#video.applyChanges();
      if (!avcC) return;
      if (this.#sink.decoderConfig(TRACK_VIDEO, H264.name, avcC)) {
        this.#noteOnce("parameter sets changed in band, without a new decoder configuration");
        return;
      }
    } catch (error) {
      if (!(error instanceof ReelError) || error.code !== "badConfig") throw error;
      this.#noteOnce(error.message);
    }
    const inForce = this.inStream.config(TRACK_VIDEO);
    if (inForce) this.#video.useHeader(inForce.bytes);
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
    if (this.#isConfigured[trackOf(type)]) return true;
    this.#noteOnce(`${type === MESSAGE_VIDEO ? "video" : "audio"} frames came without a usable decoder configuration`);
    return false;
  }

  #setDecoderConfig(codec: CodecEntry, bytes: Uint8Array): void {
    const track = codec.kind === "video" ? TRACK_VIDEO : TRACK_AUDIO;
    if (codec.kind === "video") {
      const lengthSizeByte = bytes[AVCC_LENGTH_SIZE_INDEX] ?? 0;
      // lengthSizeMinusOne 2 is reserved (ISO/IEC 14496-15 §5.3.3.1.2): left as it is, the parser refuses it.
      const ringForm = (lengthSizeByte & 3) === 2 ? bytes.slice() : codec.toRingForm(bytes);
      if (!this.#sink.decoderConfig(track, codec.name, ringForm)) return;
      this.#nalLengthSize = (lengthSizeByte & 3) + 1;
      this.#video.useHeader(ringForm);
    } else if (!this.#sink.decoderConfig(track, codec.name, bytes.slice())) return;
    this.#isConfigured[track] = true;
  }
}

function trackOf(messageType: number): number {
  return messageType === MESSAGE_VIDEO ? TRACK_VIDEO : TRACK_AUDIO;
}
