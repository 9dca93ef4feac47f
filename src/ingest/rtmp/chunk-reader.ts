// Reads the RTMP chunk stream, Adobe RTMP 1.0 §5.3: headers are parsed in place, payload bytes are announced to the
// sink where they lie and never collected here. Memory is one small object per chunk stream, of which there are at most
// MAX_CHUNK_STREAMS.
//
//   sink.begin(message, first bytes) ─▶ a destination: append … append ─▶ finish        (or abort)
//
// A header is taken only when it is complete, and the first one of a message only together with the first LOOKAHEAD
// payload bytes (as many as its first chunk has): the sink decides where a message goes by looking at them. What is
// left is at most MAX_UNREAD_BYTES.

import { badInput } from "../../base/reel-error.js";
import type { ChunkReaderState } from "./chunk-reader-state.js";
import { DEFAULT_CHUNK_SIZE, EXTENDED_TIMESTAMP, MAX_CHUNK_STREAMS, MAX_MESSAGE_BYTES } from "./rtmp-protocol.js";

/**
 * Payload bytes that `begin` gets to see: the largest header of an audio or video tag has 8, with room for a NAL unit
 * length and type behind it.
 */
export const LOOKAHEAD = 16;
/** Basic header 3, message header 11, extended timestamp 4, look-ahead. */
export const MAX_UNREAD_BYTES = 18 + LOOKAHEAD;

/** Sizes of the message header by fmt, §5.3.1.2. */
const MESSAGE_HEADER_SIZES = [11, 7, 3, 0] as const;
const EXTENDED_TIMESTAMP_SIZE = 4;

/** Where the bytes of a message go. */
export interface MessageDestination {
  /**
   * Payload bytes; `receivedBytes` does not count them yet. The first call of a message brings at least what `begin`
   * was shown.
   */
  append(message: IncomingMessage, bytes: Uint8Array, at: number, size: number): void;
  /** All bytes are there. False stops the reader behind them. */
  finish(message: IncomingMessage): boolean;
  /** The rest will not come. */
  abort(message: IncomingMessage): void;
}

/** For messages that nobody wants: their bytes are only counted. */
export const DISCARD: MessageDestination = { append: () => {}, finish: () => true, abort: () => {} };

/** A message on its way in, and what its chunk stream remembers of the one before it. */
export class IncomingMessage {
  type = 0;
  streamId = 0;
  sizeBytes = 0;
  receivedBytes = 0;
  /** Milliseconds modulo 2^32. */
  timestampMs = 0;
  inProgress = false;
  /** The timestamp field, or its extension: what a header without one repeats. */
  timestampField = 0;
  isExtended = false;
  hasHeader = false;
  /** May change while the message is in progress. */
  destination: MessageDestination = DISCARD;
  /** Bytes of a message that is collected outside of a ring (scratch.ts). */
  scratch: Uint8Array | undefined;

  constructor(readonly chunkStreamId: number) {}
}

export interface MessageSink {
  /** A message begins; its first `available` payload bytes are at `bytes[at]`. */
  begin(message: IncomingMessage, bytes: Uint8Array, at: number, available: number): MessageDestination;
}

export class ChunkReader {
  #sink: MessageSink;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #streams = new Map<number, IncomingMessage>();
  #current: IncomingMessage | undefined;
  /** Payload bytes that the current chunk still has. */
  #chunkLeft = 0;

  constructor(sink: MessageSink) {
    this.#sink = sink;
  }

  /** From the next chunk header on. */
  setChunkSize(chunkSize: number): void {
    if (chunkSize < 1 || chunkSize > 0x7fffffff) badInput(`chunk size ${chunkSize}`);
    this.#chunkSize = Math.min(chunkSize, MAX_MESSAGE_BYTES);
  }

  /** Abort Message, §5.4.2. */
  abort(chunkStreamId: number): void {
    const message = this.#streams.get(chunkStreamId);
    if (message?.inProgress) this.#drop(message);
  }

  abortAll(): void {
    for (const message of this.#streams.values()) if (message.inProgress) this.#drop(message);
  }

  /** Takes what it can of `bytes[start…end]`; answers where it stopped. Throws ReelError `badInput`. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    for (;;) {
      let message = this.#current;
      if (!message) {
        const payload = this.#readHeader(bytes, at, end);
        if (payload < 0) return at;
        at = payload;
        message = this.#current;
        if (!message) return at;
      }
      const size = Math.min(this.#chunkLeft, end - at);
      if (size > 0) {
        message.destination.append(message, bytes, at, size);
        message.receivedBytes += size;
        this.#chunkLeft -= size;
        at += size;
      }
      if (this.#chunkLeft > 0) return at;
      this.#current = undefined;
      if (message.receivedBytes < message.sizeBytes) continue;
      message.inProgress = false;
      if (!message.destination.finish(message)) return at;
    }
  }

  /**
   * What another reader needs to go on behind the byte where `read` stopped. Messages on their way are in scratch
   * memory or discarded: none is being assembled in a ring.
   */
  give(): ChunkReaderState {
    const streams = [...this.#streams.values()].map((message) => {
      const { chunkStreamId, type, streamId, sizeBytes, timestampMs, timestampField, isExtended } = message;
      const { inProgress, receivedBytes, scratch } = message;
      const received = inProgress ? scratch?.slice(0, receivedBytes) : undefined;
      return {
        ...{ chunkStreamId, type, streamId, sizeBytes, timestampMs, timestampField, isExtended },
        ...{ inProgress, receivedBytes, received },
      };
    });
    const { chunkStreamId } = this.#current ?? {};
    return { chunkSize: this.#chunkSize, streams, current: chunkStreamId, chunkLeft: this.#chunkLeft };
  }

  /** Goes on where another reader has given up; `adopt` gets what had come of each message that is not discarded. */
  take(state: ChunkReaderState, adopt: (message: IncomingMessage, received: Uint8Array) => void): void {
    this.#chunkSize = state.chunkSize;
    for (const { received, ...fields } of state.streams) {
      const message = Object.assign(new IncomingMessage(fields.chunkStreamId), fields, { hasHeader: true });
      this.#streams.set(message.chunkStreamId, message);
      if (received) adopt(message, received);
    }
    this.#current = state.current === undefined ? undefined : this.#streams.get(state.current);
    this.#chunkLeft = state.chunkLeft;
  }

  /** Parses a chunk header; the index of its payload, or -1 where bytes are missing (then nothing has changed). */
  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (at >= end) return -1;
    const first = bytes[at++] ?? 0;
    const fmt = first >> 6;
    let chunkStreamId = first & 63;
    // §5.3.1.1: 0 and 1 announce one or two bytes more, low byte first.
    if (chunkStreamId < 2) {
      const wide = chunkStreamId === 1;
      if (at + (wide ? 2 : 1) > end) return -1;
      chunkStreamId = 64 + (bytes[at++] ?? 0);
      if (wide) chunkStreamId += (bytes[at++] ?? 0) * 256;
    }
    const message = this.#streams.get(chunkStreamId);
    if (fmt > 1 && !message?.hasHeader) badInput(`chunk stream ${chunkStreamId} begins with fmt ${fmt}`);
    if (fmt < 3 || !message?.inProgress) return this.#readFirstHeader(bytes, at, end, fmt, chunkStreamId);
    if (message.isExtended) {
      if (at + EXTENDED_TIMESTAMP_SIZE > end) return -1;
      // §5.3.1.3 repeats the extension on every chunk; some encoders leave it out, some repeat the absolute time. Four
      // payload bytes that equal the timestamp by chance are one in 2^32.
      const extension = readU32(bytes, at);
      if (extension === message.timestampField || extension === message.timestampMs) at += EXTENDED_TIMESTAMP_SIZE;
    }
    this.#current = message;
    this.#chunkLeft = Math.min(this.#chunkSize, message.sizeBytes - message.receivedBytes);
    return at;
  }

  /** The message header of a message's first chunk. */
  #readFirstHeader(bytes: Uint8Array, start: number, end: number, fmt: number, chunkStreamId: number): number {
    const known = this.#streams.get(chunkStreamId);
    let at = start + (MESSAGE_HEADER_SIZES[fmt] ?? 0);
    if (at > end) return -1;
    let field = fmt < 3 ? readU24(bytes, start) : (known?.timestampField ?? 0);
    const isExtended = fmt < 3 ? field === EXTENDED_TIMESTAMP : (known?.isExtended ?? false);
    if (isExtended) {
      if (at + EXTENDED_TIMESTAMP_SIZE > end) return -1;
      field = readU32(bytes, at);
      at += EXTENDED_TIMESTAMP_SIZE;
    }
    const sizeBytes = fmt < 2 ? readU24(bytes, start + 3) : (known?.sizeBytes ?? 0);
    const available = Math.min(sizeBytes, this.#chunkSize, LOOKAHEAD);
    if (at + available > end) return -1;

    const message = known ?? this.#addStream(chunkStreamId);
    // Only a continuation (fmt 3) may follow inside a message: the encoder has given up the rest.
    if (message.inProgress) this.#drop(message);
    message.hasHeader = true;
    message.sizeBytes = sizeBytes;
    if (fmt < 2) message.type = bytes[start + 6] ?? 0;
    if (fmt === 0) message.streamId = readU32LittleEndian(bytes, start + 7);
    // A delta, except in fmt 0. §5.3.1.2.4: a fmt 3 behind a fmt 0 takes that one's timestamp as its delta.
    message.timestampMs = fmt === 0 ? field : (message.timestampMs + field) >>> 0;
    message.timestampField = field;
    message.isExtended = isExtended;
    message.receivedBytes = 0;
    message.inProgress = true;
    this.#current = message;
    this.#chunkLeft = Math.min(this.#chunkSize, sizeBytes);
    message.destination = this.#sink.begin(message, bytes, at, available);
    return at;
  }

  #addStream(chunkStreamId: number): IncomingMessage {
    if (this.#streams.size >= MAX_CHUNK_STREAMS) badInput(`more than ${MAX_CHUNK_STREAMS} chunk streams`);
    const message = new IncomingMessage(chunkStreamId);
    this.#streams.set(chunkStreamId, message);
    return message;
  }

  #drop(message: IncomingMessage): void {
    message.inProgress = false;
    if (this.#current === message) {
      this.#current = undefined;
      this.#chunkLeft = 0;
    }
    message.destination.abort(message);
  }
}

function readU24(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

function readU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] ?? 0) << 24) | readU24(bytes, at + 1)) >>> 0;
}

function readU32LittleEndian(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}
