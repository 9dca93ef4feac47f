// The state of one segment: common part, the outputs of the last kernel call, then the container's own part (each
// container's layout is in its own file here). A segment's block is its own, so that finishing segment n and draining
// into n + 1 overlap.

export const SEG_ZERO_OFFSET = 0; // i64, dts90k that becomes the segment's time zero
export const SEG_FLAGS_OFFSET = 8; // u32, SEG_FLAG_*
export const SEG_NEEDED_OUTPUT_OFFSET = 12; // u32, with STATUS_NEED_OUTPUT: bytes the next frame wants
export const SEG_CONFIG_OFFSET = 16; // u32 × MAX_TRACKS, decoder configuration in use, 0 = track absent so far
export const SEG_CLAMPED_OFFSET = 48; // u32, frames in front of zero that were clamped to it
export const SEG_LAST_DELTA_OFFSET = 52; // u32, 90 kHz, distance of the main video's last two frames
export const SEG_CREATED_MS_OFFSET = 56; // f64, wall ms of the opening (creation_time)
export const SEG_CHECKED_OFFSET = 64; // u32, seconds, when the files were last looked for; 0 = nothing was written
// u32, the track whose random access points cut and whose frames carry the clock: the segment's first video track + 1;
// 0 = it has no video so far
export const SEG_MAIN_VIDEO_OFFSET = 68;
export const SEG_UNSUPPORTED_OFFSET = 72; // u32, bit per track that the container cannot carry, from its first frame
// u32, bit per track whose decoder configuration has changed within the segment: it ends at the next random access
// point
export const SEG_CHANGED_OFFSET = 76;
export const SEG_BEGIN_OFFSET = 80; // i64, dts90k of the cut that it begins with, or its zero if that is later
// Frames from in front of that, which came too late for the segment before. The kernel adds, the main thread takes them
// (and sets them to 0) while no worker has the recording.
export const SEG_STRAGGLERS_OFFSET = 88; // u32
export const SEG_STRAGGLER_TRACKS_OFFSET = 92; // u32, bit per track
export const SEG_STRAGGLERS_FROM_OFFSET = 96; // i64, dts90k of the first
export const SEG_STRAGGLERS_TO_OFFSET = 104; // i64, dts90k of the last

// A kernel call stores, when all its outputs are set, where its batch ends and that it is whole; then it moves the
// cursor. The worker clears it before the call: what a thread that died in the middle of one has left is told by this.
export const SEG_BATCH_END_OFFSET = 120; // u32, ring index
export const SEG_BATCH_IS_WHOLE_OFFSET = 124; // u32

// Per track, SEG_TRACK_SIZE bytes each, at SEG_TRACKS_OFFSET + track * SEG_TRACK_SIZE.
export const SEG_TRACKS_OFFSET = 128;
export const SEG_TRACK_SIZE = 32;
export const SEG_TRACK_FRAMES_OFFSET = 0; // u32
export const SEG_TRACK_RANDOM_ACCESS_OFFSET = 4; // u32
export const SEG_TRACK_BYTES_OFFSET = 8; // i64, payload
export const SEG_TRACK_FIRST_DTS_OFFSET = 16; // i64
export const SEG_TRACK_LAST_DTS_OFFSET = 24; // i64

// What the last kernel call wants written: output k goes to descriptor k at position k. The worker writes, then adds
// size to position. It sets size to 0 only after the write has succeeded: a batch whose writer was written off is
// written again (same bytes, same place).
export const SEG_OUTPUTS_OFFSET = 384;
export const SEG_OUTPUT_COUNT = 9; // 0: media file; 1 + track: sample records of an MP4 track
export const SEG_OUTPUT_SIZE = 32;
export const SEG_OUTPUT_FD_OFFSET = 0; // i32, -1 = not open
export const SEG_OUTPUT_POINTER_OFFSET = 4; // u32
export const SEG_OUTPUT_BYTES_OFFSET = 8; // u32
export const SEG_OUTPUT_POSITION_OFFSET = 16; // i64

// Access units that the container cannot hold, or in which no decoder would find anything: left out of the file. The
// kernel adds, the main thread takes them (and sets them to 0) while no worker has the recording.
export const SEG_LEFT_OUT_FRAMES_OFFSET = 672; // u32 × MAX_TRACKS
export const SEG_LEFT_OUT_BYTES_OFFSET = 704; // i64, payload
export const SEG_LEFT_OUT_FROM_OFFSET = 712; // i64, dts90k of the first
export const SEG_LEFT_OUT_TO_OFFSET = 720; // i64, dts90k of the last
export const SEG_LEFT_OUT_TOTAL_OFFSET = 728; // u32, frames of all tracks

export const SEG_PRIVATE_OFFSET = 768;
export const SEG_SIZE = 8192; // room for FLV's keyframe table

export const SEG_FLAG_OPEN = 1; // openSegment has fixed zero and tracks
export const SEG_FLAG_HEADER_WRITTEN = 2;
