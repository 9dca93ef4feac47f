// Numbers of the RTMP chunk stream and message formats (Adobe RTMP 1.0, §5.4, §6, §7.1) and the limits that bound what
// a peer may ask for.

// Message types, §5.4 and §7.1.
export const MESSAGE_SET_CHUNK_SIZE = 1;
export const MESSAGE_ABORT = 2;
export const MESSAGE_ACKNOWLEDGEMENT = 3;
export const MESSAGE_USER_CONTROL = 4;
export const MESSAGE_WINDOW_ACK_SIZE = 5;
export const MESSAGE_SET_PEER_BANDWIDTH = 6;
export const MESSAGE_AUDIO = 8;
export const MESSAGE_VIDEO = 9;
export const MESSAGE_COMMAND_AMF3 = 17;
export const MESSAGE_COMMAND_AMF0 = 20;
export const MESSAGE_AGGREGATE = 22;

// User control events, §7.1.7.
export const EVENT_STREAM_BEGIN = 0;
export const EVENT_STREAM_EOF = 1;
export const EVENT_SET_BUFFER_LENGTH = 3;
export const EVENT_PING_REQUEST = 6;
export const EVENT_PING_RESPONSE = 7;

/** Chunk stream of protocol control messages, §5.4. */
export const CHUNK_STREAM_CONTROL = 2;
/** Chunk stream of commands, as every known encoder and server has it. */
export const CHUNK_STREAM_COMMAND = 3;

/** Chunk size in force until a Set Chunk Size, §5.4.1. */
export const DEFAULT_CHUNK_SIZE = 128;
/** A timestamp field of this value announces an extended timestamp, §5.3.1.3. */
export const EXTENDED_TIMESTAMP = 0xffffff;

/** The length field has 24 bits. */
export const MAX_MESSAGE_BYTES = 0xffffff;
/** Commands of encoders stay below 2 KiB; the metadata of a connect is the largest part. */
export const MAX_COMMAND_BYTES = 65536;
/** An avcC with a few parameter sets has below 1 KiB, its fields allow 4 MiB. */
export const MAX_CONFIG_BYTES = 65536;
/** Encoders use 3 to 8 chunk streams. */
export const MAX_CHUNK_STREAMS = 64;
/** NetStreams of one connection; encoders use one, a few publish several renditions. */
export const MAX_NET_STREAMS = 16;
/** Half-received messages of one connection: one of the largest size and a little beside it. */
export const MAX_SCRATCH_BYTES = MAX_MESSAGE_BYTES + 1048576;
/** Replies that a peer does not read. */
export const MAX_UNREAD_REPLY_BYTES = 262144;
