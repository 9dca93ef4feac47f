// What the control plane asks of the pull sources (src/ingest/pull). The control plane owns the configs, their
// persistence and their replies; the sources own connections, retries and in-streams.

import type { ConfigStatusCode } from "../../recording/record-config.js";

/** A pull config: one stored `pullStream` command (ems-record-spec §2.2). Plain JSON: it is persisted as it is. */
export interface PullSettings {
  readonly configId: number;
  /** As given, credentials included: never shown. */
  readonly uri: string;
  readonly localStreamName: string;
  readonly keepAlive: boolean;
  readonly forceTcp: boolean;
  readonly rangeStart: number;
  readonly rangeEnd: number;
  /** Seconds. */
  readonly rtcpDetectionInterval: number;
  readonly emulateUserAgent: string;
  readonly tcUrl: string;
  readonly pageUrl: string;
  readonly swfUrl: string;
  readonly ssmIp: string;
  readonly httpProxy: string;
  readonly audioCodecBytes: string;
  readonly spsBytes: string;
  readonly ppsBytes: string;
  readonly isAudio: boolean;
  /** 256 = left to the operating system. */
  readonly ttl: number;
  readonly tos: number;
  readonly sendRenewStream: boolean;
  readonly httpStreamType: string;
  readonly saveToConfig: boolean;
  readonly sendDummyPayload: boolean;
  readonly videoSourceIndex: string;
  /** User variables, names with their leading `_`. */
  readonly variables: Readonly<Record<string, string>>;
}

/** Why a source is down, and how often in a row an attempt has failed. No password stands in it. */
export interface PullTrouble {
  readonly attempts: number;
  /** Refusals of the credentials so far, where the last failure is one; else 0. */
  readonly denials: number;
  readonly reason: string;
}

/**
 * Called whenever the state of a source changes. `streamId` is 0 unless its in-stream lives; `trouble` comes with the
 * codes of a source that is down.
 */
export type PullReport = (code: ConfigStatusCode, streamId: number, trouble?: PullTrouble) => void;

export interface PullPort {
  /** Says, for people, why a URI cannot be pulled (from the sender `ssmIp`, if not empty); undefined where it can. */
  checkUri(uri: string, ssmIp: string): string | undefined;
  /**
   * Begins to pull. A source with keepAlive is tried again for ever. Any other reports `Disconnected` or `Connection
   * failed` once and ends.
   */
  start(settings: PullSettings, report: PullReport): void;
  /** Ends a source at once, its in-stream included. */
  stop(configId: number, reason: string): void;
}
