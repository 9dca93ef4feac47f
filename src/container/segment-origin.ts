// Whose segment a file is. Made once per recording; every report, event, ledger entry and journal carries it.

/** Who recorded a file, in a group of recorders. */
export interface SegmentNode {
  readonly node: string;
  /** Of the claim by which the node had the pull when the file began; missing where it was published to the node. */
  readonly epoch?: number;
}

export interface SegmentOrigin extends Partial<SegmentNode> {
  /** "" where a file of version 0.1 does not say. */
  localStreamName: string;
  /** The record config; 0 = not known. */
  configId: number;
  /** The run of the config that made the segment; ids of runs begin anew with the server. 0 = none, or not known. */
  outStreamId: number;
  /** User variables, names with their leading `_`. */
  variables: Readonly<Record<string, string>>;
  /** What is to become of the file when it is final; missing where nothing is. */
  wishes?: SegmentWishes | undefined;
}

/** Parameters of `record` that outlive the recording: a recovery, or the next start, must know them. */
export interface SegmentWishes {
  /** undefined = as the server's default says. */
  readonly upload?: boolean;
  /** A second media folder; `overwrite`: an older file of the name is replaced there. */
  readonly copyTo?: { readonly folder: string; readonly overwrite: boolean };
  /** A manifest is written beside it (container/manifest.ts). */
  readonly manifest?: true;
  /** What is kept of its config's files, also when the config is gone. */
  readonly retain?: SegmentRetention;
}

/** A rule of retention as it stood when the recording began (recording/retention-rule.ts). */
export interface SegmentRetention {
  readonly bounds: Readonly<Record<string, number | string>>;
  /** The rule of recording that made the config. */
  readonly ruleId?: number;
}

/** The origin that something carries among other fields. */
export function originFrom(report: Partial<SegmentOrigin>): SegmentOrigin {
  const { localStreamName, configId, outStreamId, variables, wishes, node, epoch } = { ...UNKNOWN_ORIGIN, ...report };
  return {
    ...{ localStreamName, configId, outStreamId, variables },
    ...(wishes && { wishes }),
    ...(node !== undefined && { node }),
    ...(epoch !== undefined && { epoch }),
  };
}

export const UNKNOWN_ORIGIN: SegmentOrigin = { localStreamName: "", configId: 0, outStreamId: 0, variables: {} };

export interface SegmentTrack {
  kind: "video" | "audio";
  codec: string;
}
