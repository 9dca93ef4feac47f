// Whose segment a file is. Made once per recording; every report, event, ledger entry and journal carries it.

export interface SegmentOrigin {
  /** "" where a file of version 0.1 does not say. */
  localStreamName: string;
  /** The record config; 0 = not known. */
  configId: number;
  /** The run of the config that made the segment; ids of runs begin anew with the server. 0 = none, or not known. */
  outStreamId: number;
  /** User variables, names with their leading `_`. */
  variables: Readonly<Record<string, string>>;
}

export const UNKNOWN_ORIGIN: SegmentOrigin = { localStreamName: "", configId: 0, outStreamId: 0, variables: {} };

export interface SegmentTrack {
  kind: "video" | "audio";
  codec: string;
}
