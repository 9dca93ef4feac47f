// The one error type of Reel. `code` is for programs and never changes its meaning, `message` is for people and says
// what to do.

export type ErrorCode =
  | "arenaFull" // the arena's limit is reached (--arena-mib); nothing was allocated
  | "badConfig" // a decoder configuration cannot be parsed, or names a codec Reel does not record
  | "badInput" // bytes from outside break their protocol; the connection that sent them ends, nothing else
  | "notCarried" // the container has no form for what the stream is
  | "badName" // a stream name that may not be used
  | "nameTaken" // a live in-stream already has the name
  | "badPath" // a target outside the media folders, or not usable as a target
  | "notWritable" // the target's folder is missing or may not be written
  | "noFreeName" // every number up to 8192 is taken
  | "targetBusy" // another recording writes, or finishes, this target
  | "notFound" // no such stream, config or file
  | "diskFull" // ENOSPC, EDQUOT
  | "io" // any other failed file operation
  | "lostFile" // a growing file was deleted, replaced or cut short by somebody else
  | "notDurable" // a sync failed: what was written may not be on the disk, and no later sync can prove that it is
  | "stuck" // a file operation did not return in time
  | "trap" // a muxer kernel trapped
  | "badFrame" // a ring holds what no producer writes
  | "corrupt" // a file of ours cannot be read
  | "locked" // a running server owns the segment
  | "conflict" // a stored section has another revision than the writer knew
  | "badArgument" // a caller's mistake
  | "otherVersion" // a stored file of a format that this version does not read
  | "held" // a segment that must not be deleted; the message says why
  | "limit" // a configured limit is reached (limits of reel.json)
  | "closed"; // the recorder is shutting down

export class ReelError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Which stream, track, time, byte, file. */
    readonly context: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "ReelError";
  }
}

/** Turns what was caught into the one error type; `io` where it is another error. */
export function asReelError(error: unknown): ReelError {
  if (error instanceof ReelError) return error;
  return new ReelError("io", (error as Error).message, {}, { cause: error });
}

/** Throws for what a peer did wrong. It ends that connection and nothing else. */
export function badInput(message: string, context: Record<string, unknown> = {}): never {
  throw new ReelError("badInput", message, context);
}
