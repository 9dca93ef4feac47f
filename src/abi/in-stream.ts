// What the producer of an in-stream counts, where another thread than the main one produces: stored with each frame.
// The main thread looks when it wants to know, and sees counts and head of one moment.
//
//   0         4      8               16                   24                       32        40
//   | version | head | last frame ms | last random access | random access interval | clamped | offsets out of bounds |
//
//   64 + 24 × track
//   | frames | bytes | last dts |
//
// One writer, the producer. `version` is odd while it writes (a frame is published meanwhile, too): who reads another
// one before and after, or an odd one, reads again. All but version and head are f64.

export const COUNTERS_VERSION_OFFSET = 0;
export const COUNTERS_HEAD_OFFSET = 4; // of the ring
export const COUNTERS_LAST_FRAME_OFFSET = 8; // monotonic ms, of the main thread's clock
export const COUNTERS_LAST_RANDOM_ACCESS_OFFSET = 16; // dts90k
export const COUNTERS_RANDOM_ACCESS_INTERVAL_OFFSET = 24; // 90 kHz
export const COUNTERS_JITTER_OFFSET = 32; // frames that were clamped to just after their predecessors
export const COUNTERS_UNBOUND_OFFSET = 40; // frames whose composition offset was out of bounds
export const COUNTERS_TRACKS_OFFSET = 64;
export const COUNTERS_TRACK_SIZE = 24;
export const TRACK_FRAMES_OFFSET = 0;
export const TRACK_BYTES_OFFSET = 8;
export const TRACK_LAST_DTS_OFFSET = 16; // dts90k
