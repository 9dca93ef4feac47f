// One track of a session: packets of one source, in order, to its depacketizer.
//
//   packet ─▶ source (SSRC) ─▶ order ─▶ payload type ─▶ clock ─▶ depacketizer

import type { RtcpVisitor, SenderReport } from "../../media/rtp/rtcp.js";
import { parseRtcp, writeReceiverReport } from "../../media/rtp/rtcp.js";
import { RtpPacket } from "../../media/rtp/rtp-packet.js";
import type { Millis } from "../../time/units.js";
import type { StagingBudget } from "../mpegts/staging.js";
import type { Depacketizer } from "./depacketizer.js";
import { PacketOrder } from "./packet-order.js";
import { Reception } from "./reception.js";
import type { RtpStatistics } from "./rtp-statistics.js";
import type { RtpTime } from "./rtp-time.js";

/**
 * So many packets of another source in a row, and it has taken the place of the one before: then they are taken, the
 * first of them too (RFC 3550 §A.1 drops those of its probation; here they may hold the only key frame for a while).
 */
const NEW_SOURCE_PACKETS = 4;
/** So many packets of one other payload type, and none of the announced one: the description is wrong. */
const WRONG_TYPE_PACKETS = 32;
/** A payload before any was measured. */
const USUAL_PAYLOAD_BYTES = 1000;

export interface RtpTrackOptions {
  payloadType: number;
  time: RtpTime;
  depacketizer: Depacketizer;
  statistics: RtpStatistics;
  isReordering: boolean;
  /** Of the packets that wait for others. */
  budget: StagingBudget;
  /** The first packet, before its frame. */
  onFirst(timestamp: number, arrivalMs: Millis): void;
  /** False where it contradicts the media. */
  onSenderReport(report: SenderReport): boolean;
  note(text: string): void;
}

export class RtpTrack implements RtcpVisitor {
  readonly #options: RtpTrackOptions;
  readonly #packet = new RtpPacket();
  /** Of the packet that is handed on: those that waited come while another one is read. */
  readonly #delivered = new RtpPacket();
  readonly #order: PacketOrder;
  readonly #reception: Reception;
  #payloadType: number;
  #hasAnnouncedType = false;
  #ssrc = -1;
  #otherSsrc = -1;
  #otherRun = 0;
  /** Of that source, until it is known whether it has taken the place. */
  #probation: { packet: Uint8Array; arrivalMs: Millis }[] = [];
  #otherType = -1;
  #otherTypeRun = 0;
  #payloadBytes = USUAL_PAYLOAD_BYTES;
  #rtcpMs: Millis = 0;

  constructor(options: RtpTrackOptions) {
    this.#options = options;
    this.#payloadType = options.payloadType;
    this.#reception = new Reception(options.time.clockRate);
    this.#order = new PacketOrder(options.isReordering, options.statistics, options.budget, {
      deliver: (bytes, arrivalMs, start, end) => {
        const header = this.#delivered;
        if (header.parse(bytes, start, end)) this.#deliver(bytes, header, arrivalMs);
      },
      lost: (packets) => {
        if (packets === 0) this.#reception.restart();
        options.depacketizer.lose(packets, packets * this.#payloadBytes);
      },
    });
  }

  get statistics(): RtpStatistics {
    return this.#options.statistics;
  }

  get jitterMs(): Millis {
    return this.#reception.jitterMs;
  }

  /** The packet bytes[start…end]. */
  rtp(bytes: Uint8Array, arrivalMs: Millis, start: number, end: number): void {
    const header = this.#packet;
    const { statistics } = this.#options;
    if (!header.parse(bytes, start, end)) {
      statistics.badPackets++;
      return;
    }
    if (header.ssrc !== this.#ssrc && !this.#isNewSource(header.ssrc)) {
      statistics.foreignPackets++;
      this.#probation.push({ packet: bytes.slice(start, end), arrivalMs });
      return;
    }
    this.#otherRun = 0;
    if (this.#probation.length > 0) this.#endProbation(header.ssrc);
    this.#take(bytes, header, arrivalMs, start, end);
  }

  #take(bytes: Uint8Array, header: RtpPacket, arrivalMs: Millis, start: number, end: number): void {
    const { sequenceNumber } = header;
    this.#options.statistics.packets++;
    this.#reception.packet(sequenceNumber, header.timestamp, arrivalMs);
    if (this.#order.passes(sequenceNumber)) this.#deliver(bytes, header, arrivalMs);
    else this.#order.take(bytes, sequenceNumber, arrivalMs, start, end);
  }

  /** Its packets are the track's where it has taken the place; else the old source has gone on. */
  #endProbation(ssrc: number): void {
    const header = this.#delivered;
    for (const { packet, arrivalMs } of this.#probation.splice(0)) {
      if (!header.parse(packet) || header.ssrc !== ssrc) continue;
      this.#options.statistics.foreignPackets--;
      this.#take(packet, header, arrivalMs, 0, packet.byteLength);
    }
  }

  rtcp(packet: Uint8Array, arrivalMs: Millis): void {
    this.#rtcpMs = arrivalMs;
    if (!parseRtcp(packet, this)) this.#options.statistics.badRtcp++;
  }

  senderReport(report: SenderReport): void {
    const { statistics } = this.#options;
    if (this.#ssrc >= 0 && report.ssrc !== this.#ssrc) return;
    statistics.senderReports++;
    this.#reception.senderReport(report, this.#rtcpMs);
    if (!this.#options.onSenderReport(report)) statistics.ignoredSenderReports++;
  }

  /** The source has left: another one may begin at once. */
  bye(ssrc: number): void {
    if (ssrc === this.#ssrc) this.#otherRun = NEW_SOURCE_PACKETS;
  }

  /** Bytes to send to the source; undefined before its first packet. */
  receiverReport(ownSsrc: number, cname: string, nowMs: Millis): Uint8Array | undefined {
    if (this.#ssrc < 0) return undefined;
    return writeReceiverReport(this.#reception.report(ownSsrc, this.#ssrc, nowMs), cname);
  }

  poll(nowMs: Millis): void {
    this.#order.poll(nowMs);
  }

  end(): void {
    this.#order.flush();
    this.#options.depacketizer.end();
  }

  free(): void {
    this.#order.free();
    this.#options.depacketizer.free();
  }

  /** Old servers mix packets of other sessions in; encoders begin anew as another source. */
  #isNewSource(ssrc: number): boolean {
    const isFirst = this.#ssrc < 0;
    if (!isFirst) {
      if (this.#otherRun < NEW_SOURCE_PACKETS && ssrc !== this.#otherSsrc) {
        this.#otherRun = 0;
        this.#probation = [];
      }
      this.#otherSsrc = ssrc;
      if (++this.#otherRun < NEW_SOURCE_PACKETS) return false;
      this.#order.restart();
      this.#reception.restart();
      this.#options.statistics.restarts++;
      this.#options.depacketizer.lose(0, 0);
      this.#options.time.restart();
    }
    this.#ssrc = ssrc;
    return true;
  }

  #deliver(bytes: Uint8Array, header: RtpPacket, arrivalMs: Millis): void {
    const { time, depacketizer } = this.#options;
    if (!this.#isWanted(header.payloadType)) return;
    const size = header.payloadEnd - header.payloadStart;
    this.#payloadBytes += Math.round((size - this.#payloadBytes) / 16);
    const timestamp = time.unwrap(header.timestamp);
    if (!time.isPlaced) this.#options.onFirst(timestamp, arrivalMs);
    if (time.arrived(timestamp, arrivalMs))
      this.#options.note("a track's timestamps run far too slowly: its frames get times of arrival");
    depacketizer.take(bytes, header.payloadStart, header.payloadEnd, timestamp, header.isMarked);
  }

  #isWanted(payloadType: number): boolean {
    if (payloadType === this.#payloadType) {
      this.#hasAnnouncedType = true;
      return true;
    }
    this.#options.statistics.otherPayloads++;
    if (this.#hasAnnouncedType) return false;
    this.#otherTypeRun = payloadType === this.#otherType ? this.#otherTypeRun + 1 : 1;
    this.#otherType = payloadType;
    if (this.#otherTypeRun < WRONG_TYPE_PACKETS) return false;
    this.#payloadType = payloadType;
    this.#options.note(`packets have payload type ${payloadType}, not the announced one: they are taken`);
    return true;
  }
}
