// What a thread that reads sockets and the main thread tell each other without a message.
//
// Of each connection, written by the thread that reads it:
//   0                 8
//   | last bytes ms   | is held      |
//
// Of each thread: a call of the main thread, which waits until what it has sent is done (src/ingest/workers/), and the
// thread's heartbeat.

export const CONNECTION_LAST_BYTES_OFFSET = 0; // f64, monotonic ms, of the main thread's clock
export const CONNECTION_HELD_OFFSET = 8; // i32: 1 while a full ring makes it wait
export const CONNECTION_SIZE = 16;

export const CALL_ASKED_OFFSET = 0; // u32, number of the last call; main thread
export const CALL_DONE_OFFSET = 64; // u32, number of the last call that was done; the other one
export const CALL_BEATS_OFFSET = 68; // u32, rises while the other one goes round its event loop
export const CALL_SIZE = 128;
