// What brings the bytes of a pulled transport stream: one connection at a time, opened for a request, closed once.

import type { SourceInfo } from "../../stream/source-info.js";
import type { Flow } from "../frame-sink.js";
import type { SourceRequest } from "../source.js";

export interface TransportEvents {
  onConnected(ends: Partial<SourceInfo>): void;
  /** Valid until it returns. */
  onBytes(chunk: Uint8Array): void;
  /** Once, and last: the connection and all that belongs to it is gone. */
  onClosed(reason: string): void;
}

export interface ByteConnection {
  readonly flow: Flow | undefined;
  /** Ends it; `onClosed` follows. */
  close(): void;
}

export interface ByteTransport {
  readonly schemes: readonly string[];
  /** EMS's tag of such in-streams (ems-record-spec §2.0). */
  readonly sourceType: (scheme: string) => string;
  /**
   * Throws ReelError with the text to show where this cannot be pulled. `ssmIp` is empty unless the sender of a group
   * was named.
   */
  check(uri: URL, ssmIp: string): void;
  /** No event comes before it has returned. Throws where a connection cannot even be tried. */
  open(request: SourceRequest, uri: URL, events: TransportEvents): ByteConnection;
  /** Resolves when nothing of it is left, processes and files included. */
  close(): Promise<void>;
}
