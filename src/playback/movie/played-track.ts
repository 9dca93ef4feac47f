// A track of a recorded MP4 as playback reads it, growing or finished: its samples in decoding order, by blocks.
//
// Times are in the track's own timescale. `shift` added to a time gives its place in the presentation, whose zero is
// the first picture shown or sound heard of any track; a decoding time may lie before it.

export interface PlayedSample {
  dts: number;
  /** Of its presentation from its decoding. */
  cts: number;
  /** Up to the next sample; of the last one as long as the one before. */
  duration: number;
  sizeBytes: number;
  /** In the file that holds the media. */
  position: number;
  isSync: boolean;
}

/** What an index says of a track beside its samples. */
export interface TrackHead {
  readonly kind: "video" | "audio";
  readonly timescale: number;
  /** The whole box. */
  readonly stsd: Buffer;
  /** 16.16, as in `tkhd`. */
  readonly width: number;
  readonly height: number;
  /** Five bits a letter, as in `mdhd`. */
  readonly language: number;
}

export interface PlayedTrack {
  readonly head: TrackHead;
  readonly shift: number;
  /** Samples that there are now. */
  readonly count: number;
  /** Samples [from, to) in blocks; as many as there are. */
  blocks(from: number, to: number): AsyncGenerator<readonly PlayedSample[]>;
  /** Number of the first sample that is decoded at `time` or later; `count` where there is none. */
  find(time: number): Promise<number>;
}

/** How long its first sample, once decoded, waits to be shown: as long as others need to come before it. */
export async function leadOf(track: PlayedTrack): Promise<number> {
  for await (const [first] of track.blocks(0, 1)) return Math.max(0, first?.cts ?? 0);
  return 0;
}

export const BLOCK_SAMPLES = 4096;

/** Place in the presentation, in seconds, of what is decoded then. */
export function secondsOf({ head, shift }: PlayedTrack, time: number): number {
  return (time + shift) / head.timescale;
}

export function timeAt({ head, shift }: PlayedTrack, seconds: number): number {
  return seconds * head.timescale - shift;
}
