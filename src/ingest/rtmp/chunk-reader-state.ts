// What a chunk reader remembers between two reads, as plain data: a connection that is handed to another thread goes on
// there in the middle of a chunk.

/** One chunk stream: what its next header may refer to, and the message that is on its way. */
export interface ChunkStreamState {
  chunkStreamId: number;
  type: number;
  streamId: number;
  sizeBytes: number;
  timestampMs: number;
  timestampField: number;
  isExtended: boolean;
  inProgress: boolean;
  receivedBytes: number;
  /** Payload of the message on its way; undefined where there is none, or nobody wants it. */
  received: Uint8Array | undefined;
}

export interface ChunkReaderState {
  chunkSize: number;
  streams: ChunkStreamState[];
  /** The chunk stream in whose chunk the reader stopped; undefined between two chunks. */
  current: number | undefined;
  /** Payload bytes that this chunk still has. */
  chunkLeft: number;
}
