// MP4 as it is shared between the kernels and the worker: the sample record of a journal's `.trackN`, and the state of
// the index kernel. Compiled by tsc and by asc; numeric constants only.
//
//   sample record, little-endian, one per access unit, append-only:
//   0            8              16     20                24      28
//   | dts90k i64 | position u64 | size | ctsOffset90k i32 | flags | check |
//
// dts90k counts from the segment's zero. `position` is the sample's place in `.mdat`. `check` mixes the other fields,
// so that zeros, a torn record or the blocks of another file are told from a record.

export const SAMPLE_DTS_OFFSET = 0;
export const SAMPLE_POSITION_OFFSET = 8;
export const SAMPLE_BYTES_OFFSET = 16;
export const SAMPLE_CTS_OFFSET = 20;
export const SAMPLE_FLAGS_OFFSET = 24;
export const SAMPLE_CHECK_OFFSET = 28;
export const SAMPLE_RECORD_SIZE = 32;
// The upper half of the flags: audio samples of the frame, where its codec's frames differ in length; 0 = a usual one.
export const SAMPLE_FRAME_LENGTH_SHIFT = 16;

export const SAMPLE_FLAG_SYNC = 1;
export const SAMPLE_FLAG_DISCONTINUITY = 2;
export const SAMPLE_FLAG_SKIPPED_LEADING = 8; // not shown where decoding starts at the sync sample before it (RASL)
export const SAMPLE_FLAG_TRACK_START = 16; // FLAG_TRACK_START
export const SAMPLE_FLAG_CHUNK_START = 4; // first sample of its track in a drain batch: an MP4 chunk begins here

// MP4's own part of a segment's state while it is recorded; offsets count from SEG_PRIVATE_OFFSET. Per track, where the
// next payload and the next record of the batch go; of no meaning between two calls. Owner: the kernel.
export const MP4_BATCH_TRACK_SIZE = 16;
export const MP4_BATCH_BYTES_OFFSET = 0; // u32, first the payload's size, then the place of the next one
export const MP4_BATCH_FRAMES_OFFSET = 4; // u32, frames of the batch
export const MP4_BATCH_RECORD_OFFSET = 8; // u32, place of the next record
export const MP4_BATCH_FIRST_RECORD_OFFSET = 12; // u32

// The index kernel's state: the movie, then one block per track. Owner of all of it: the finish that made the memory.
export const INDEX_FLAGS_OFFSET = 0; // u32, INDEX_FLAG_*
export const INDEX_TRACKS_OFFSET = 4; // u32, tracks that have samples
export const INDEX_CREATED_OFFSET = 8; // i64, seconds since 1904
// i64, added to every position: what was inserted (cut out: negative) in front of the media
export const INDEX_SHIFT_OFFSET = 16;
export const INDEX_MEDIA_START_OFFSET = 24; // i64, first byte of media in `.mdat`, as the records count
export const INDEX_MEDIA_END_OFFSET = 32; // i64, size of `.mdat`, as the records count
export const INDEX_MOOV_SIZE_OFFSET = 40; // i64, set by mp4IndexLayout
export const INDEX_DURATION_OFFSET = 48; // i64, of the presentation, movie timescale; set by mp4IndexLayout
export const INDEX_PIECES_OFFSET = 56; // u32, pieces of headers that mp4IndexLayout wrote
export const INDEX_PIECE_TABLE_OFFSET = 64; // per piece: u32 bytes in `out`, u32 bytes of the table that follows
export const INDEX_PIECE_SIZE = 8;
export const INDEX_MOVIE_SIZE = 512; // a piece per table of every track, and the one behind the last

export const INDEX_FLAG_LARGE = 1; // 64-bit forms everywhere (winQtCompat=0); without it only where a value needs them

// Per track, at INDEX_MOVIE_SIZE + track * INDEX_TRACK_SIZE.
export const INDEX_CONFIG_OFFSET = 0; // pointer to the decoder configuration block
export const INDEX_TIMESCALE_OFFSET = 4; // u32
export const INDEX_SAMPLES_OFFSET = 8; // u32, accepted so far
export const INDEX_TRACK_FLAGS_OFFSET = 12; // u32, INDEX_TRACK_FLAG_*
export const INDEX_FIRST_TIME_OFFSET = 16; // i64, dts of the first sample, media timescale, from the segment's zero
export const INDEX_TIME_OFFSET = 24; // i64, place of the last sample on the track's clock
export const INDEX_NOMINAL_OFFSET = 32; // i64, duration of the last sample so far
export const INDEX_MEDIA_DURATION_OFFSET = 40; // i64, set by the end of a pass
// i64, smallest presentation time among the first samples, from the first dts
export const INDEX_MIN_COMPOSITION_OFFSET = 48;
export const INDEX_MAX_COMPOSITION_OFFSET = 56; // i64, end of the last presented sample, from the first dts
export const INDEX_MIN_CTS_OFFSET = 64; // i32
export const INDEX_MAX_CTS_OFFSET = 68; // i32
export const INDEX_BYTES_OFFSET = 72; // i64, payload
export const INDEX_END_POSITION_OFFSET = 80; // i64, end of the last accepted sample in `.mdat`
export const INDEX_LAST_CHUNK_OFFSET = 88; // i64, position of the last chunk
export const INDEX_CHUNK_SAMPLES_OFFSET = 96; // u32, samples in the chunk that is open
export const INDEX_CTS_SHIFT_OFFSET = 100; // i32, added to every composition offset; fixed between the two passes
export const INDEX_LARGEST_SAMPLE_OFFSET = 104; // u32
export const INDEX_PRIMING_OFFSET = 108; // u32, media timescale, what is decoded but not heard of the first samples
export const INDEX_PREVIOUS_DTS_OFFSET = 112; // i64, dts90k of the last accepted record
export const INDEX_TABLES_OFFSET = 128; // per table, INDEX_TABLE_SIZE bytes
export const INDEX_TABLE_SIZE = 32;
export const INDEX_TABLE_ENTRIES_OFFSET = 0; // u32, complete ones
export const INDEX_TABLE_OUT_OFFSET = 4; // u32, where the next entry goes; 0 = count only
export const INDEX_TABLE_RUN_OFFSET = 8; // u32, length of the run that is open (stts, ctts), or its first chunk (stsc)
export const INDEX_TABLE_VALUE_OFFSET = 16; // i64, the run's value
export const INDEX_TABLE_TOTAL_OFFSET = 24; // u32, entries of the finished first pass
export const INDEX_TRACK_SIZE = 320;
export const INDEX_SIZE = 3072; // INDEX_MOVIE_SIZE + MAX_TRACKS × INDEX_TRACK_SIZE

export const INDEX_TRACK_FLAG_LARGE_CHUNKS = 1; // co64

export const TABLE_STTS = 0;
export const TABLE_CTTS = 1;
export const TABLE_STSS = 2;
export const TABLE_STSC = 3;
export const TABLE_STSZ = 4;
export const TABLE_STCO = 5; // or co64
export const TABLE_COUNT = 6;
/** Most bytes that one sample adds to any one table (stsc). */
export const TABLE_MAX_ENTRY_SIZE = 12;

export const VIDEO_TIMESCALE = 90000;
export const MOVIE_TIMESCALE = 90000;
