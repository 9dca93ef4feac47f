// MPEG-TS's own part of a segment's state; offsets count from SEG_PRIVATE_OFFSET. Owner: the kernel.
// Times are 90 kHz on the file's clock, which is the segment's time + 1 s.

export const TS_LAST_PCR_OFFSET = 0; // i64, of the last packet with a PCR; valid once the header is written
export const TS_LAST_TABLES_OFFSET = 8; // i64, PCR time of the last PAT and PMT
export const TS_BOUND_PCR_OFFSET = 16; // i64, how far the PCR may come with the frames bounded so far in this call
export const TS_PMT_TRACKS_OFFSET = 24; // u32, bit per track that the PMT lists
export const TS_PMT_VERSION_OFFSET = 28; // u32, modulo 32
export const TS_PCR_TRACK_OFFSET = 32; // u32, track whose PID carries the PCR

// The PES packet in the making; of no meaning between two calls.
export const TS_PACKET_ROOM_OFFSET = 36; // u32, payload bytes that the packet begun last still takes
export const TS_PES_LEFT_OFFSET = 40; // u32, bytes of the PES packet that no packet has taken yet

// The next continuity_counter of every PID.
export const TS_TRACK_COUNTERS_OFFSET = 48; // u8 × MAX_TRACKS
export const TS_PAT_COUNTER_OFFSET = 56; // u8
export const TS_PMT_COUNTER_OFFSET = 57; // u8

export const TS_LISTED_OFFSET = 64; // u32 × MAX_TRACKS, what the PMT says of the track (`tsListing`); 0 = not there
