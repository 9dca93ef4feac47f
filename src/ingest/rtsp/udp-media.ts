// The media of one session over UDP: a pair of ports each, who may send to them, and what is sent back.

import { isIPv4 } from "node:net";
import { ReelError } from "../../base/reel-error.js";
import type { Millis } from "../../time/units.js";
import { emptyPacket, emptyReport } from "./rtcp-writer.js";
import type { Pair } from "./transport-header.js";
import { UdpPair } from "./udp-pair.js";

export interface UdpMediaParts {
  readonly nearIp: string;
  readonly farIp: string;
  random(): number;
  /** Ours. */
  readonly ssrc: number;
  packet(track: number, isRtcp: boolean, packet: Uint8Array): void;
  error(error: Error): void;
}

interface Medium {
  track: number;
  pair: UdpPair;
  /** Where the server sends from; 0: not known. */
  ports: readonly [number, number];
  /** By channel: packets have come from that port. */
  isHeard: [boolean, boolean];
  /** Another address than the connection's, where the server has named one. */
  source: string;
}

/** RFC 3550 §6.2. */
const REPORT_INTERVAL_MS: Millis = 5000;
/** So long only the port that was named may send; senders behind an address translation have another one. */
const NAMED_PORT_MS: Millis = 2000;

export class UdpMedia {
  /** By index of the medium. */
  readonly #media = new Map<number, Medium>();
  readonly #parts: UdpMediaParts;
  readonly #ssrc: number;
  readonly #farIp: string;
  #reportedMs: Millis = Number.NaN;
  #sinceMs: Millis = Number.NaN;
  #isAnyPort = false;
  #isClosed = false;
  /** From elsewhere than where the media come from. */
  foreignPackets = 0;

  constructor(parts: UdpMediaParts) {
    this.#parts = parts;
    this.#farIp = plainAddress(parts.farIp);
    this.#ssrc = parts.ssrc;
  }

  /** Opens a pair of ports for a medium. Rejects with ReelError `io` where the host has none left. */
  async add(index: number, track: number): Promise<void> {
    const { nearIp, random, error } = this.#parts;
    let medium: Medium | undefined;
    const pair = await UdpPair.open(plainAddress(nearIp), random, {
      packet: (isRtcp, packet, from, port) => {
        if (medium) this.#take(medium, isRtcp, packet, plainAddress(from), port);
      },
      error,
    });
    medium = { track, pair, ports: [0, 0], isHeard: [false, false], source: "" };
    if (this.#isClosed) {
      pair.close();
      throw new ReelError("closed", "the connection is gone");
    }
    this.#media.set(index, medium);
  }

  #take(medium: Medium, isRtcp: boolean, packet: Uint8Array, from: string, port: number): void {
    const channel = isRtcp ? 1 : 0;
    const named = medium.ports[channel];
    const isFromThere = from === this.#farIp || from === medium.source;
    if (!isFromThere || (port !== named && named !== 0 && (medium.isHeard[channel] || !this.#isAnyPort))) {
      this.foreignPackets++;
      return;
    }
    if (port === named || this.#isAnyPort) medium.isHeard[channel] = true;
    if (port !== named && this.#isAnyPort) medium.ports = isRtcp ? [medium.ports[0], port] : [port, medium.ports[1]];
    this.#parts.packet(medium.track, isRtcp, packet);
  }

  /** At our end. */
  ports(index: number): Pair {
    return this.#media.get(index)?.pair.ports ?? [0, 0];
  }

  isSetUp(index: number, ports: Pair | undefined, source: string): void {
    const medium = this.#media.get(index);
    if (!medium) return;
    medium.ports = ports ?? [0, 0];
    medium.source = source;
  }

  /** The way back is opened. */
  open(): void {
    this.#sinceMs = Number.NaN;
    for (const { pair, ports } of this.#media.values()) {
      pair.send(false, emptyPacket(this.#ssrc), ports[0], this.#farIp);
      pair.send(true, emptyReport(this.#ssrc), ports[1], this.#farIp);
    }
  }

  /** Once a second, or so. `reportOf`: what a receiver says of a track. */
  tick(nowMs: Millis, reportOf: (track: number) => Uint8Array | undefined): void {
    if (Number.isNaN(this.#reportedMs)) this.#reportedMs = nowMs;
    if (Number.isNaN(this.#sinceMs)) this.#sinceMs = nowMs;
    this.#isAnyPort = nowMs - this.#sinceMs >= NAMED_PORT_MS;
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    for (const { track, pair, ports } of this.#media.values())
      pair.send(true, reportOf(track) ?? emptyReport(this.#ssrc), ports[1], this.#farIp);
  }

  close(): void {
    this.#isClosed = true;
    for (const { pair } of this.#media.values()) pair.close();
  }
}

/** A socket for both families writes IPv4 addresses as `::ffff:127.0.0.1`. */
function plainAddress(address: string): string {
  const mapped = address.replace(/^::ffff:/i, "");
  return isIPv4(mapped) ? mapped : address;
}
