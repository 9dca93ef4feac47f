// What is known of one track of a publication while its messages come.

import type { CodecEntry } from "../../media/codec/codec-entry.js";
import type { MessageReader } from "./message-reader.js";
import { TrackColours } from "./track-colours.js";

/** Before it has a number in the in-stream. */
export const NO_TRACK = -1;

/** Messages of one track. The codec is that of the last sequence header that could be used. */
export interface MessageTrack {
  /** Its number in the in-stream; NO_TRACK before it has one. */
  track: number;
  readonly kind: "video" | "audio";
  /** Names what its messages hold, where that is not recorded. */
  unrecorded: string | undefined;
  codec: CodecEntry | undefined;
  reader: MessageReader | undefined;
  /** The first byte of the tag that the configuration in force was made from, where tags say it. */
  configTag: number | undefined;
  /** The configuration of its codec that was taken last. */
  config: Uint8Array | undefined;
  readonly colours: TrackColours;
}

export function newTrack(track: number, kind: "video" | "audio", note: (text: string) => void): MessageTrack {
  return {
    track,
    kind,
    unrecorded: undefined,
    codec: undefined,
    reader: undefined,
    configTag: undefined,
    config: undefined,
    colours: new TrackColours(note),
  };
}
