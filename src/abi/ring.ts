// The control block of a FrameRing. One producer (the thread that reads the socket), many consumers (one cursor per
// recording, in the recording's state block). Producer, consumers and the main thread never share a cache line.
//
//   line 0: head            bytes ever written, modulo 2^32; stored last, atomically, by the producer
//   line 1: data, capacity  changed only while the producer holds the lock of every cursor (growth)
//   line 2: tail            oldest index that somebody wants; stored by the main thread, read by a producer of another
//                           thread, for which it only ever lags

export const RING_HEAD_OFFSET = 0;
export const RING_DATA_OFFSET = 64; // pointer to `capacity` bytes
export const RING_CAPACITY_OFFSET = 68; // power of two
export const RING_TAIL_OFFSET = 128;
export const RING_SIZE = 192;
