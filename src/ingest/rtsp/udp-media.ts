// The media of one session over UDP: a pair of ports each, who may send to them, and what is sent back.

import { isIPv4 } from "node:net";
import type { Millis } from "../../time/units.js";
import { emptyPacket, emptyReport } from "./rtcp-writer.js";
import type { Pair } from "./transport-header.js";
import { UdpPair } from "./udp-pair.js";

export interface UdpMediaParts {
  readonly nearIp: string;
  readonly farIp: string;
  random(): number;
  /** Of the media that are asked for. */
  readonly tracks: readonly number[];
  packet(track: number, isRtcp: boolean, packet: Uint8Array): void;
  error(error: Error): void;
}

interface Medium {
  track: number;
  pair: UdpPair;
  /** Where the server sends from; 0: not known. */
  ports: Pair;
  /** Another address than the connection's, where the server has named one. */
  source: string;
}

/** RFC 3550 §6.2. */
const REPORT_INTERVAL_MS: Millis = 5000;

export class UdpMedia {
  readonly #media: Medium[] = [];
  readonly #ssrc: number;
  #reportedMs: Millis = Number.NaN;

  readonly #farIp: string;

  private constructor(random: () => number, farIp: string) {
    this.#farIp = plainAddress(farIp);
    this.#ssrc = Math.floor(random() * 0xffffffff);
  }

  /** Rejects with ReelError `io` where the host has no ports left. */
  static async open(parts: UdpMediaParts): Promise<UdpMedia> {
    const udp = new UdpMedia(parts.random, parts.farIp);
    try {
      for (const track of parts.tracks) {
        const medium: Medium = {
          track,
          pair: await UdpPair.open(plainAddress(parts.nearIp), parts.random, {
            packet: (isRtcp, packet, from) => {
              const sender = plainAddress(from);
              if (sender === udp.#farIp || sender === medium.source) parts.packet(track, isRtcp, packet);
            },
            error: (error) => parts.error(error),
          }),
          ports: [0, 0],
          source: "",
        };
        udp.#media.push(medium);
      }
    } catch (error) {
      udp.close();
      throw error;
    }
    return udp;
  }

  /** At our end. */
  ports(index: number): Pair {
    return this.#media[index]?.pair.ports ?? [0, 0];
  }

  isSetUp(index: number, ports: Pair | undefined, source: string): void {
    const medium = this.#media[index];
    if (!medium) return;
    medium.ports = ports ?? [0, 0];
    medium.source = source;
  }

  /** The way back is opened. */
  open(): void {
    for (const { pair, ports } of this.#media) {
      pair.send(false, emptyPacket(this.#ssrc), ports[0], this.#farIp);
      pair.send(true, emptyReport(this.#ssrc), ports[1], this.#farIp);
    }
  }

  /** Once a second, or so. `reportOf`: what a receiver says of a track. */
  tick(nowMs: Millis, reportOf: (track: number) => Uint8Array | undefined): void {
    if (Number.isNaN(this.#reportedMs)) this.#reportedMs = nowMs;
    if (nowMs - this.#reportedMs < REPORT_INTERVAL_MS) return;
    this.#reportedMs = nowMs;
    for (const { track, pair, ports } of this.#media)
      pair.send(true, reportOf(track) ?? emptyReport(this.#ssrc), ports[1], this.#farIp);
  }

  close(): void {
    for (const { pair } of this.#media) pair.close();
  }
}

/** A socket for both families writes IPv4 addresses as `::ffff:127.0.0.1`. */
function plainAddress(address: string): string {
  const mapped = address.replace(/^::ffff:/i, "");
  return isIPv4(mapped) ? mapped : address;
}
