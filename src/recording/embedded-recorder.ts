// The recorder as an embedding program sees it: no rings, no shared memory, no pools. One implementation: recorder.ts.

import type { EventEmitter } from "node:events";
import type { FrameWriter } from "./frame-writer.js";
import type { RecorderApi } from "./recorder-api.js";
import type { RecorderEvents } from "./recorder-events.js";

type Shared =
  | "record"
  | "configs"
  | "removeConfig"
  | "rules"
  | "outStreams"
  | "stopOutStream"
  | "cutOutStream"
  | "closedSince"
  | "catalog"
  | "mediaFolders"
  | "close";

export interface EmbeddedRecorder extends EventEmitter<RecorderEvents>, Pick<RecorderApi, Shared> {
  /**
   * Opens an in-stream that the program writes itself. A `?query` in the name is cut off. Throws ReelError `badName`,
   * and `nameTaken` while a stream of that name is live.
   */
  openStream(name: string): FrameWriter;

  /** Resolves when what an earlier run left unfinished is finished, or named as not recoverable. */
  whenRecovered(): Promise<void>;
}
