// One published stream: audio and video messages become frames of an in-stream. The usual message is assembled in the
// ring itself:
//
//   begin: tag header read, room reserved
//         ─▶ append: payload copied from the read buffer into the ring ─▶ finish: checked and committed
//
// A message that another one interrupts, that finds no room, or whose NAL unit lengths must be rewritten goes through
// scratch memory and enters the ring by the frame sink when it is complete; the ring never waits for a half message.

import { MAX_TRACKS, TRACK_AUDIO, TRACK_VIDEO } from "../../abi/frame.js";
import type { ArenaMemory } from "../../arena/arena-memory.js";
import type { CodecEntry } from "../../media/codec/codec-entry.js";
import type { ColourInfo } from "../../media/codec/video-config.js";
import {
  AvTag,
  MAX_TAG_HEADER_SIZE,
  TAG_DECODER_CONFIG,
  TAG_FRAME,
  TAG_METADATA,
  TAG_UNSUPPORTED,
} from "../../media/flv/av-tag.js";
import { sameColourInfo } from "../../stream/decoder-config.js";
import { RandomAccessRule } from "../../stream/random-access-rule.js";
import type { SourceStream } from "../../stream/source-stream.js";
import { TICKS_PER_MS, TICKS_PER_SECOND, type Ticks90k } from "../../time/units.js";
import { Unwrapper } from "../../time/unwrap.js";
import type { FrameSink } from "../frame-sink.js";
import { noteOnce } from "../note-once.js";
import { DISCARD, type IncomingMessage, type MessageDestination } from "./chunk-reader.js";
import { DAMAGED_FRAME, type MessageReader } from "./message-reader.js";
import { MESSAGE_READERS } from "./message-reader-table.js";
import { type MessageTrack, NO_TRACK, newTrack } from "./message-track.js";
import { MAX_CONFIG_BYTES, MESSAGE_VIDEO } from "./rtmp-protocol.js";
import type { Scratch } from "./scratch.js";
import { readColourInfo } from "./track-colours.js";

/** RTMP timestamps are 32-bit milliseconds. */
const TIMESTAMP_MODULUS = 4294967296;
/** Behind the first video and the first audio track. */
const FIRST_FURTHER_TRACK = 2;
/** Of a kind. More are not told apart: only MAX_TRACKS are recorded, and all of them are told of when one changes. */
const MAX_NUMBERED_TRACKS = 32;
/** Offsets finer than a millisecond are rounded to the clock of the ring, 90 kHz. */
const NANOSECONDS_PER_TICK = 1e9 / TICKS_PER_SECOND;

/** What of a message is known without its body. */
export interface MediaMessage {
  type: number;
  /** Modulo 2^32. */
  timestampMs: number;
}

export class Publication implements MessageDestination {
  readonly inStream: SourceStream;
  #noteOnce: (note: string) => void;
  #sink: FrameSink;
  #arena: ArenaMemory;
  #scratch: Scratch;
  #unwrapper = new Unwrapper(TIMESTAMP_MODULUS);
  #tag = new AvTag();
  readonly #video: MessageTrack;
  readonly #audio: MessageTrack;
  /** Those that multitrack messages number from 1, by that number. */
  #furtherVideo = new Map<number, MessageTrack>();
  #furtherAudio = new Map<number, MessageTrack>();
  #nextTrack = FIRST_FURTHER_TRACK;
  /** What is not recorded has changed since it was told: once a message, of however many tracks. */
  #isUnrecordedNew = false;

  /** What is read into, nearly always the same: asking an array for its offset is a call. */
  #readBuffer: Uint8Array | undefined;
  #readPointer = 0;

  // The message that is being assembled in the ring, and its reservation.
  #open: IncomingMessage | undefined;
  #reader: MessageReader | undefined;
  #pointer = 0;
  #filledBytes = 0;
  /** Of these, what was kept of earlier messages. */
  #keptBytes = 0;
  #headerBytes = 0;
  #header = new Uint8Array(MAX_TAG_HEADER_SIZE);
  #isKey = false;
  #compositionTimeMs = 0;

  /** `sink` has its in-stream open. */
  constructor(
    sink: FrameSink,
    inStream: SourceStream,
    arena: ArenaMemory,
    scratch: Scratch,
    note: (note: string) => void,
  ) {
    this.inStream = inStream;
    this.#sink = sink;
    this.#arena = arena;
    this.#scratch = scratch;
    this.#noteOnce = noteOnce(note);
    sink.note = this.#noteOnce;
    this.#video = newTrack(TRACK_VIDEO, "video", this.#noteOnce);
    this.#audio = newTrack(TRACK_AUDIO, "audio", this.#noteOnce);
  }

  /** Decides where an audio or video message goes. `bytes` is a view of the arena. */
  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    const destination = this.#destinationOf(message, bytes, at, available);
    if (this.#isUnrecordedNew) this.#tellUnrecorded();
    return destination;
  }

  #destinationOf(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination {
    if (this.inStream.ended) return DISCARD;
    if (this.#sink.isWaiting) return this.#scratch;
    // A chunk size below that of a tag header: the header is read when the message is complete.
    if (available < Math.min(message.sizeBytes, MAX_TAG_HEADER_SIZE)) return this.#scratch;
    if (AvTag.wantsWhole(message.type === MESSAGE_VIDEO ? "video" : "audio", bytes[at] ?? 0)) return this.#scratch;
    const tag = this.#parseTag(message.type, bytes, at, available);
    const isSmall = message.sizeBytes <= MAX_CONFIG_BYTES;
    if ((tag.kind === TAG_DECODER_CONFIG || tag.kind === TAG_METADATA) && isSmall) return this.#scratch;
    const reader = tag.kind === TAG_FRAME ? this.#readerOf(message.type, tag)?.reader : undefined;
    if (!reader) return DISCARD;
    if (!reader.isRingForm) return this.#scratch;
    const payloadBytes = message.sizeBytes - tag.headerBytes;
    if (payloadBytes <= 0) return DISCARD;
    this.#makeWay();
    const { keptBytes } = reader;
    const pointer = this.inStream.reserve(keptBytes + payloadBytes, false);
    if (pointer === 0) return this.#scratch;
    if (keptBytes > 0) this.#arena.u8.set(reader.kept, pointer);
    this.#open = message;
    this.#reader = reader;
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
    if (bytes !== this.#readBuffer) {
      this.#readBuffer = bytes;
      this.#readPointer = bytes.byteOffset;
    }
    const from = this.#readPointer + at + skip;
    const to = this.#pointer + this.#filledBytes;
    this.#arena.copy(to, from, size - skip);
    this.#filledBytes += size - skip;
  }

  finish(message: IncomingMessage): boolean {
    const reader = this.#reader;
    this.#open = undefined;
    if (!reader) return true;
    const end = this.#pointer + this.#filledBytes;
    const size = reader.check(this.#arena.u8, this.#pointer, this.#keptBytes, end);
    if (size <= 0) {
      const { track } = message.type === MESSAGE_VIDEO ? this.#video : this.#audio;
      if (size === DAMAGED_FRAME) this.#sink.lose(track, this.#filledBytes, this.#dts90k(message));
      this.inStream.abandon();
      return true;
    }
    const dts90k = this.#dts90k(message);
    const isRandomAccess = reader.isRandomAccess(this.#isKey, dts90k);
    const { track } = message.type === MESSAGE_VIDEO ? this.#video : this.#audio;
    this.#sink.commit(
      track,
      this.#pointer,
      size,
      dts90k,
      this.#compositionTimeMs * TICKS_PER_MS,
      isRandomAccess,
      reader.leading,
    );
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
    const tag = this.#parseTag(message.type, body, 0, body.byteLength);
    do this.#deliverTrack(message, body);
    while (tag.next(body, 0));
    if (this.#isUnrecordedNew) this.#tellUnrecorded();
  }

  /** What the tag has just read of a message. */
  #deliverTrack(message: MediaMessage, body: Uint8Array): void {
    const { type } = message;
    const tag = this.#tag;
    const numbered = this.#trackOf(type, tag.trackId);
    if (!numbered) return;
    if (tag.kind === TAG_UNSUPPORTED) this.#setUnrecorded(numbered, tag.unsupported);
    // Inside of a multitrack message its size is known only here.
    if (tag.kind === TAG_DECODER_CONFIG && tag.codec && tag.end - tag.headerBytes <= MAX_CONFIG_BYTES)
      this.#setDecoderConfig(numbered, tag.codec, body.subarray(tag.headerBytes, tag.end));
    if (tag.kind === TAG_METADATA && tag.codec && tag.end - tag.headerBytes <= MAX_CONFIG_BYTES)
      this.#setColourInfo(numbered, tag.codec, body.subarray(tag.headerBytes, tag.end));
    const messages = tag.kind === TAG_FRAME ? this.#readerOf(type, tag) : undefined;
    if (!messages?.reader) return;
    const { track, reader } = messages;
    let payload = reader.toRingForm(body.subarray(tag.headerBytes, tag.end));
    if (payload.byteLength === 0) return;
    const { keptBytes } = reader;
    if (keptBytes > 0) payload = Buffer.concat([reader.kept, payload]);
    this.#makeWay();
    const size = reader.check(payload, 0, keptBytes, payload.byteLength);
    if (size === DAMAGED_FRAME) this.#sink.lose(track, payload.byteLength, this.#dts90k(message));
    if (size <= 0) return;
    const dts90k = this.#dts90k(message);
    const isRandomAccess = reader.isRandomAccess(tag.isKey, dts90k);
    const ctsOffset90k = tag.compositionTimeMs * TICKS_PER_MS + Math.round(tag.nanoOffset / NANOSECONDS_PER_TICK);
    this.#sink.frame({
      track,
      payload: payload.subarray(0, size),
      dts90k,
      ctsOffset90k,
      isRandomAccess,
      leading: reader.leading,
    });
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

  #dts90k({ timestampMs }: MediaMessage): Ticks90k {
    return this.#unwrapper.unwrap(timestampMs) * TICKS_PER_MS;
  }

  /**
   * A multitrack message numbers the tracks of a kind; those that are not the first take a place when they are
   * configured. Undefined where there are too many.
   */
  #trackOf(messageType: number, trackId: number): MessageTrack | undefined {
    const isVideo = messageType === MESSAGE_VIDEO;
    if (trackId === 0) return isVideo ? this.#video : this.#audio;
    const further = isVideo ? this.#furtherVideo : this.#furtherAudio;
    let messages = further.get(trackId);
    if (!messages) {
      if (further.size >= MAX_NUMBERED_TRACKS) {
        this.#noteOnce(
          `not recorded: more than ${MAX_NUMBERED_TRACKS} further tracks of ${isVideo ? "video" : "audio"}`,
        );
        return undefined;
      }
      messages = newTrack(NO_TRACK, isVideo ? "video" : "audio", this.#noteOnce);
      further.set(trackId, messages);
    }
    return messages;
  }

  /** False where the stream has all the tracks that it can have. */
  #takePlace(messages: MessageTrack): boolean {
    if (messages.track !== NO_TRACK) return true;
    if (this.#nextTrack >= MAX_TRACKS) return false;
    messages.track = this.#nextTrack++;
    return true;
  }

  #parseTag(type: number, bytes: Uint8Array, at: number, available: number): AvTag {
    const tag = this.#tag;
    if (type === MESSAGE_VIDEO) tag.parseVideo(bytes, at, available);
    else tag.parseAudio(bytes, at, available);
    const messages = tag.kind === TAG_UNSUPPORTED ? this.#trackOf(type, tag.trackId) : undefined;
    if (messages) this.#setUnrecorded(messages, tag.unsupported);
    return tag;
  }

  /** Undefined where no decoder configuration of the codec came: nobody can decode its frames. */
  #readerOf(type: number, tag: AvTag): MessageTrack | undefined {
    const messages = this.#trackOf(type, tag.trackId);
    if (!messages) return undefined;
    // Nearly every tag: the codec's entry is not looked at.
    const isKnown = messages.configTag === undefined || messages.configTag === tag.first;
    if (isKnown && messages.reader && messages.codec === tag.codec) return messages;
    if (tag.codec?.configFrom === "tag") this.#useTag(messages, tag.codec, tag.first);
    if (messages.reader && messages.codec === tag.codec) return messages;
    // A track that has another codec changes it by a header only.
    if (tag.codec?.configFrom === "frames" && !messages.reader && this.#takePlace(messages)) {
      messages.codec = tag.codec;
      messages.reader = this.#createReader(messages, tag.codec);
      this.#setUnrecorded(messages, undefined);
      return messages;
    }
    const isOther = tag.codec?.configFrom === "frames" && messages.reader !== undefined;
    const why = isOther ? "in a track of another codec" : "without a usable decoder configuration";
    this.#setUnrecorded(messages, `${tag.codec?.title} ${why}`);
    return undefined;
  }

  /** Every tag of such a codec is a header, too; most say what the one before did. */
  #useTag(messages: MessageTrack, codec: CodecEntry, first: number): void {
    if (messages.codec === codec && messages.configTag === first) return;
    const config = codec.flv?.configOfTag?.(first);
    if (config) this.#setDecoderConfig(messages, codec, config);
    if (messages.codec === codec) messages.configTag = first;
  }

  /** A header of another codec takes the track over, if it can be used. */
  #setDecoderConfig(messages: MessageTrack, codec: CodecEntry, body: Uint8Array): void {
    if (!this.#takePlace(messages)) {
      this.#setUnrecorded(messages, `${codec.title} (a further stream)`);
      return;
    }
    const reader = messages.codec === codec ? messages.reader : this.#createReader(messages, codec);
    const { colours } = messages;
    const before = colours.inForce;
    colours.begin(codec, messages.codec);
    this.#describeColours(messages, before);
    if (!reader?.useHeader(body)) {
      const refused = colours.inForce;
      colours.restore(before);
      this.#describeColours(messages, refused);
      return;
    }
    colours.settle();
    messages.codec = codec;
    messages.reader = reader;
    this.#setUnrecorded(messages, undefined);
  }

  #setColourInfo(messages: MessageTrack, codec: CodecEntry, body: Uint8Array): void {
    const colourInfo = readColourInfo(body, this.#noteOnce);
    if (!colourInfo) return;
    const before = messages.colours.inForce;
    if (!messages.colours.tell(codec, colourInfo, messages.codec)) return;
    this.#describeColours(messages, before);
    if (messages.config) this.#sink.decoderConfig(messages.track, codec.name, messages.config);
  }

  /** Tells the stream where it is no longer `before`. */
  #describeColours({ track, kind, colours }: MessageTrack, before: ColourInfo | undefined): void {
    if (!sameColourInfo(before, colours.inForce))
      this.#sink.describeTrack(track, { kind, colourInfo: colours.inForce });
  }

  #setUnrecorded(messages: MessageTrack, codec: string | undefined): void {
    if (messages.unrecorded === codec) return;
    messages.unrecorded = codec;
    if (codec !== undefined) this.#noteOnce(`not recorded: ${codec}`);
    this.#isUnrecordedNew = true;
  }

  #tellUnrecorded(): void {
    this.#isUnrecordedNew = false;
    const all = [this.#video, this.#audio, ...this.#furtherVideo.values(), ...this.#furtherAudio.values()];
    const tracks = all.flatMap(({ kind, unrecorded }) =>
      unrecorded === undefined ? [] : [{ kind, codec: unrecorded }],
    );
    this.#sink.setUnrecorded(tracks, false);
  }

  #createReader(messages: MessageTrack, codec: CodecEntry): MessageReader | undefined {
    const { track } = messages;
    // That of another codec: a configuration of VP9 is complete with its first key frame only.
    messages.config = undefined;
    return MESSAGE_READERS[codec.name]?.({
      // Pictures of several videos are no sequence.
      randomAccess: track === TRACK_VIDEO ? this.#sink.randomAccess : new RandomAccessRule(),
      setDecoderConfig: (bytes) => {
        const isTaken = this.#sink.decoderConfig(track, codec.name, bytes);
        if (isTaken) messages.config = bytes;
        return isTaken;
      },
      configBytes: () => this.inStream.config(track)?.bytes,
      note: this.#noteOnce,
    });
  }
}
