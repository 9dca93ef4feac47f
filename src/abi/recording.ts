// The state of a recording: everything a muxer kernel must remember between two calls, outside of the segment it is
// writing.
//
//   line 0: tail            the recording's cursor in the ring; advanced by the kernel
//   line 1: lock, claim     see below
//   line 2…: set by the main thread, before a drain or while it holds the lock, and read by the kernel
//
// lock:  LOCK_FREE → LOCK_KERNEL by a kernel call for its length (short: it never blocks), or → LOCK_MAIN by the main
//        thread when it moves the cursor of a slow consumer or grows the ring. A worker that hangs in write(2) does not
//        hold it.
// claim: CLAIM_IDLE → CLAIM_DISPATCHED by the main thread when it puts the recording into a batch, → CLAIM_RUNNING by
//        the worker that takes it up, → CLAIM_IDLE by that worker. The main thread takes back what a stuck worker has
//        not yet taken up. Above the state stands the ticket of the dispatch (ticket << CLAIM_TICKET_SHIFT | state), so
//        that a stuck worker that comes back cannot take up a later one.

export const REC_TAIL_OFFSET = 0; // u32, atomic
export const REC_LOCK_OFFSET = 64; // u32, atomic
export const REC_CLAIM_OFFSET = 68; // u32, atomic
export const REC_RING_OFFSET = 128; // pointer to the ring's control block
export const REC_CONTAINER_OFFSET = 132; // CONTAINER_*
export const REC_CHUNK_LENGTH_OFFSET = 136; // i64, 90 kHz; 0 = never cut on time
export const REC_FLAGS_OFFSET = 144; // u32, REC_FLAG_*
export const REC_STOP_MODE_OFFSET = 148; // u32, STOP_*
export const REC_STOP_INDEX_OFFSET = 152; // u32, ring index that STOP_* refers to
export const REC_CONFIG_OFFSET = 156; // u32 × MAX_TRACKS: decoder configuration of each settled track, 0 = none (yet)
// u32 × MAX_TRACKS: frames that the kernel dropped after a jump; the main thread reads differences
export const REC_SKIPPED_FRAMES_OFFSET = 188;
// u32, the stream's main video (its first video track) + 1; 0 = not known: any video will do. The main thread's
export const REC_MAIN_VIDEO_OFFSET = 220;
export const REC_SKIPPED_BYTES_OFFSET = 224; // i64
export const REC_SKIPPED_FROM_OFFSET = 232; // i64, dts90k of the first frame dropped since the last jump
export const REC_SKIPPED_TO_OFFSET = 240; // i64, dts90k of the frame the recording went on with
// u32, 90 kHz, distance of the main video's last two frames, over all segments; 0 = not known yet. The kernel's
export const REC_VIDEO_DELTA_OFFSET = 248;

// A cut that was found, while the segment in front of it still takes what belongs to it (assembly/overlap.ts). The
// kernel's; a successor takes over what is taken ahead of the cursor.
export const REC_CUT_STATUS_OFFSET = 256; // u32, the STATUS_* that ends the segment; 0 = no cut was found
export const REC_CUT_INDEX_OFFSET = 260; // u32, ring index of the frame that was cut at
export const REC_CUT_DTS_OFFSET = 264; // i64, its dts90k: from there on other tracks' frames are the next segment's
export const REC_CUT_TRACK_OFFSET = 272; // u32, its track
export const REC_CUT_TRACKS_OFFSET = 276; // u32, bit per other track that has had frames of late
export const REC_BEGIN_DTS_OFFSET = 280; // i64, dts90k of the last cut; 0 = none so far
// u32 × MAX_TRACKS: where the track's first frame lies that no segment has taken, with REC_FLAG_TAKEN_AHEAD
export const REC_TAKEN_OFFSET = 288;
export const REC_TAKEN_END_OFFSET = 320; // u32, ring index from which on no frame is taken
// How far the main video has been looked at in front of the cursor; of no meaning between two calls.
export const REC_LOOKED_INDEX_OFFSET = 324; // u32
export const REC_LOOKED_DTS_OFFSET = 328; // i64, no cut has a dts90k up to this
// i64, dts90k: the segment ends at the first random access point at or after it; 0 = none. The main thread's
export const REC_CUT_AT_OFFSET = 336;
// i64: … and at the first one behind so many bytes of media; 0 = never cut on size
export const REC_MAX_BYTES_OFFSET = 344;
export const REC_SIZE = 384;

export const LOCK_FREE = 0;
export const LOCK_KERNEL = 1;
export const LOCK_MAIN = 2;

export const CLAIM_IDLE = 0;
export const CLAIM_DISPATCHED = 1;
export const CLAIM_RUNNING = 2;
export const CLAIM_STATE_MASK = 3;
export const CLAIM_TICKET_SHIFT = 2;

export const CONTAINER_MP4 = 1;
export const CONTAINER_TS = 2;
export const CONTAINER_FLV = 3;
// Both halves of the container table state this number, so that a container that one of them lacks is found when it is
// built or tested.
export const CONTAINER_COUNT = 3;

export const REC_FLAG_WAIT_FOR_IDR = 1;
export const REC_FLAG_HAS_AUDIO = 2; // record the audio tracks
// the in-stream has, or is expected to have, video: cuts and starts wait for it
export const REC_FLAG_HAS_VIDEO_TRACK = 4;
// after a jump: drop (and count) up to the next random access point; cleared by the kernel
export const REC_FLAG_SKIP_TO_RANDOM_ACCESS = 8;
// the next segment takes the very next frame (inner cut); set by the kernel, cleared by its first drain into that
// segment
export const REC_FLAG_START_ANYWHERE = 16;
// kernel's: video was dropped while waiting for a start, so audio is dropped with it
export const REC_FLAG_DROPPED_VIDEO = 32;
export const REC_FLAG_TAKEN_AHEAD = 64; // kernel's: frames between the cursor and REC_TAKEN_END are taken already
export const REC_FLAG_DECIDE_NOW = 128; // main thread's: the ring cannot hold what a cut would wait for
// kernel's: decoding starts at this random access point; leading pictures that refer to what is not there are left out
export const REC_FLAG_DROPS_LEADING = 256;

export const STOP_NONE = 0;
export const STOP_AT_INDEX = 1; // the segment ends where the ring reaches the index
export const STOP_AT_RANDOM_ACCESS = 2; // … at the first random access point at or behind the index (hand-over)
