// One frame as the ring carries it: a header, then the payload, padded to FRAME_ALIGN.
// Compiled by tsc and by asc; numeric constants only.
//
//   0        4       5       6         8            16                20        24              32
//   | size   | track | flags | (0)     | dts90k i64 | ctsOffset90k i32 | config  | (0)             | payload … pad
//
// A frame never wraps: where it does not fit before the end of the ring, a filler (track FRAME_FILLER) takes the rest.
// Owner of every field: the producer, until the ring's head has passed the frame. Then it is constant.

export const FRAME_SIZE_OFFSET = 0; // payload bytes
export const FRAME_TRACK_OFFSET = 4; // u8
export const FRAME_FLAGS_OFFSET = 5; // u8
export const FRAME_DTS_OFFSET = 8; // i64, 90 kHz, never goes back within a track
export const FRAME_CTS_OFFSET = 16; // i32, 90 kHz, presentation minus decoding time
export const FRAME_CONFIG_OFFSET = 20; // pointer to the track's decoder configuration block
export const FRAME_HEADER_SIZE = 32;
export const FRAME_ALIGN = 32;

/** A stream has up to this many tracks, numbered from 0. Their kinds are in their decoder configurations. */
export const MAX_TRACKS = 8;
/** What a source with one video and one audio track numbers them; no number says a kind. */
export const TRACK_VIDEO = 0;
export const TRACK_AUDIO = 1;
export const FRAME_FILLER = 255;

export const FLAG_RANDOM_ACCESS = 1; // decoding can start here (video); set on every audio frame
export const FLAG_DISCONTINUITY = 2; // time was spliced or frames are missing in front of this one
export const FLAG_LEADING = 4; // H.265: shown before the random access point that it follows (RADL, RASL)
export const FLAG_TRACK_START = 16; // the track's first frame: what its encoder put in front is in it
export const FLAG_SKIPPED_LEADING = 8; // … and it cannot be decoded where decoding starts at that point (RASL)
