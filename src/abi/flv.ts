// FLV's own part of a segment's state; offsets count from SEG_PRIVATE_OFFSET. Owner: the kernel.

export const FLV_TRACKS_BEGUN_OFFSET = 0; // u32, bit per track whose sequence header is written
export const FLV_LAST_TIMESTAMP_OFFSET = 4; // u32, ms, greatest of all tags
export const FLV_LAST_KEYFRAME_OFFSET = 8; // u32, ms, of the last video random access point
// u32, bit per track that the file carries
export const FLV_CARRIED_OFFSET = 12;
export const FLV_FIRST_AUDIO_CONFIG_OFFSET = 28; // pointer to the configuration that the metadata tells of the audio
export const FLV_HEADER_CONFIGS_OFFSET = 32; // pointer × MAX_TRACKS: configuration in the track's last sequence header
// u8 × MAX_TRACKS: the number of a track that is carried among those of its kind; the first that the segment had is 0
export const FLV_TRACK_IDS_OFFSET = 64;

// The keyframe table: every `stride`th random access point of the first video. When it is full every second entry goes
// and the stride doubles.
export const FLV_KEYFRAME_COUNT_OFFSET = 16; // u32, entries
export const FLV_KEYFRAME_STRIDE_OFFSET = 20; // u32, 0 = 1
export const FLV_KEYFRAMES_SEEN_OFFSET = 24; // u32
export const FLV_KEYFRAMES_OFFSET = 72; // FLV_MAX_KEYFRAMES × FLV_KEYFRAME_SIZE
export const FLV_MAX_KEYFRAMES = 256;
// u32 × MAX_TRACKS, samples of a track's last sound, where it says its length itself; 0 = it has the usual one. Behind
// the keyframe table
export const FLV_LAST_SOUNDS_OFFSET = 4168;
export const FLV_KEYFRAME_SIZE = 16;
export const FLV_KEYFRAME_POSITION_OFFSET = 0; // f64, file position of the tag
export const FLV_KEYFRAME_TIME_OFFSET = 8; // f64, seconds
