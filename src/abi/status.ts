// Status codes of kernel calls. A code never changes its meaning.

export const STATUS_RING_EMPTY = 0; // all there is has been taken
export const STATUS_OUTPUT_FULL = 1; // write the outputs and call again
export const STATUS_CUT = 2; // the next frame begins a new segment (chunkLength reached)
export const STATUS_CONFIG_CHANGED = 3; // the next frame begins a new segment (another decoder configuration)
export const STATUS_STOPPED = 4; // the stop index was reached
export const STATUS_BAD_FRAME = 5; // the ring holds what no producer writes; the recording fails alone
export const STATUS_NEED_OUTPUT = 6; // the next frame alone wants an output buffer of SEG_NEEDED_OUTPUT bytes
export const STATUS_NOT_READY = 7; // openSegment: nothing to start with yet
export const STATUS_READY = 8; // openSegment: zero and tracks are fixed
