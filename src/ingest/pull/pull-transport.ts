// What brings the bytes of a pulled source: one connection at a time, opened for a request, closed once. Every
// transport delivers MPEG-TS; a native protocol that parses frames itself will implement `PullSource` of its own beside
// this.

import type { SourceInfo } from "../../stream/in-stream.js";

/** What `pullStream` says about a source, as far as transports need it. */
export interface PullRequest {
  readonly configId: number;
  readonly uri: string;
  readonly localStreamName: string;
  readonly keepAlive: boolean;
  /** RTSP: media interleaved in the TCP connection. */
  readonly forceTcp: boolean;
  readonly emulateUserAgent: string;
  /** Source-specific multicast: the one sender to receive from. */
  readonly ssmIp: string;
  /** Seconds; only values above 0 have an effect. */
  readonly rangeStart: number;
}

export interface TransportEvents {
  onConnected(ends: Partial<SourceInfo>): void;
  /** Valid until it returns. */
  onBytes(chunk: Uint8Array): void;
  /** Once, and last: the connection and all that belongs to it is gone. */
  onClosed(reason: string): void;
}

export interface PullConnection {
  readonly flow: { pause(): void; resume(): void } | undefined;
  /** Ends it; `onClosed` follows. */
  close(): void;
}

export interface PullTransport {
  readonly schemes: readonly string[];
  /** EMS's tag of such in-streams (ems-record-spec §2.0). */
  readonly sourceType: (scheme: string) => string;
  /**
   * Throws ReelError with the text to show where this cannot be pulled. `ssmIp` is empty unless the sender of a group
   * was named.
   */
  check(uri: URL, ssmIp: string): void;
  /** No event comes before it has returned. Throws where a connection cannot even be tried. */
  open(request: PullRequest, uri: URL, events: TransportEvents): PullConnection;
  /** Resolves when nothing of it is left, processes and files included. */
  close(): Promise<void>;
}
