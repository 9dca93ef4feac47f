// A pulled source: what a protocol must bring so that Reel can fetch from it. Retries, the watch for silence, the state
// reports and the in-stream's lifetime are PullSource's (pull/pull-source.ts); a source is a parser with a connection.
//
//   open ─▶ connected ─▶ received … received ─▶ closed          frames go into the sink meanwhile
//                            └▶ failed ─▶ close ─▶ closed

import type { Arena } from "../arena/arena.js";
import type { Logger } from "../base/logger.js";
import type { SourceInfo } from "../stream/source-info.js";
import type { Clock, Millis } from "../time/units.js";
import type { Flow, FrameSink } from "./frame-sink.js";
import type { StagingBudget } from "./mpegts/staging.js";

/** What `pullStream` says about a source, as far as sources need it (ems-record-spec §2.2). */
export interface SourceRequest {
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
  /** Seconds; -1 = to the end. */
  readonly rangeEnd: number;
  /** RTMP: properties of the connect command, empty = not given. */
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
}

/** What an open source tells. */
export interface SourceEvents {
  /** The connection stands. `ends`: its addresses, which the in-stream shows. */
  connected(ends: Partial<SourceInfo>): void;
  /** Bytes have come, and what they held is in the sink: a sign of life. */
  received(): void;
  /** It cannot go on, for this reason: `close` follows. */
  failed(reason: string): void;
  /**
   * Asks for another connection within the attempt (a redirect, TCP in place of UDP): `connect` is called when the
   * host's sources have a place. Returns what cancels it.
   */
  another(connect: () => void): () => void;
  /**
   * Once, and last: the connection and all that belongs to it is gone. What was complete is in the sink. `isDenied`:
   * the credentials are not taken, and will not be when they are shown again.
   */
  closed(reason: string, isDenied?: boolean): void;
}

export interface SourceConnection {
  /** How the source is made to wait; undefined where it cannot, as with datagrams. */
  readonly flow: Flow | undefined;
  /** Ends it: what is complete goes into the sink before this returns, nothing after; `closed` follows. */
  close(): void;
}

export interface Source {
  readonly schemes: readonly string[];
  /** EMS's tag of such in-streams (ems-record-spec §2.0). */
  sourceType(scheme: string): string;
  /**
   * Throws ReelError with the text to show where this cannot be pulled. `ssmIp` is empty unless the sender of a group
   * was named.
   */
  check(uri: URL, ssmIp: string): void;
  /** No event comes before it has returned. Throws where a connection cannot even be tried. */
  open(request: SourceRequest, uri: URL, sink: FrameSink, events: SourceEvents): SourceConnection;
  /** Resolves when nothing of it is left, processes and files included. */
  close(): Promise<void>;
}

/** What sources are made of. */
export interface SourceParts {
  arena: Arena;
  clock: Clock;
  logger: Logger;
  /** Staging memory of all pulled sources together. */
  budget: StagingBudget;
  /** A source that delivers nothing for so long is gone. */
  silenceMs: Millis;
  ffmpegPath: string | undefined;
  fileFolders: readonly string[] | undefined;
  maxFfmpegs: number;
}
