// RTCP, RFC 3550 §6: what of a compound packet concerns a receiver that records (sender reports, BYE), and the
// receiver's own report. Other packets are passed over by their length.

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const BYE = 203;
const SENDER_REPORT_SIZE = 28;
const VERSION = 2;
const CNAME = 1;
const NTP_FRACTION = 2 ** 32;

export interface SenderReport {
  ssrc: number;
  /** Milliseconds since 1900. */
  ntpMs: number;
  /** The middle 32 bits of the NTP timestamp, as a receiver report repeats them. */
  ntpMiddle: number;
  rtpTimestamp: number;
}

export interface RtcpVisitor {
  senderReport(report: SenderReport): void;
  bye(ssrc: number): void;
}

/** Walks a compound packet. False where the bytes are no RTCP, or end too early. */
export function parseRtcp(bytes: Uint8Array, visitor: RtcpVisitor): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 4 <= bytes.byteLength) {
    const first = view.getUint8(at);
    const end = at + 4 + 4 * view.getUint16(at + 2);
    if (first >> 6 !== VERSION || end > bytes.byteLength) return false;
    const type = view.getUint8(at + 1);
    if (type === SENDER_REPORT) {
      if (end - at < SENDER_REPORT_SIZE) return false;
      visitor.senderReport(readSenderReport(view, at));
    } else if (type === BYE) {
      const sources = first & 31;
      for (let i = 0; i < sources && at + 8 + 4 * i <= end; i++) visitor.bye(view.getUint32(at + 4 + 4 * i));
    }
    at = end;
  }
  return at > 0 && at === bytes.byteLength;
}

function readSenderReport(view: DataView, at: number): SenderReport {
  const seconds = view.getUint32(at + 8);
  const fraction = view.getUint32(at + 12);
  return {
    ssrc: view.getUint32(at + 4),
    ntpMs: seconds * 1000 + (fraction * 1000) / NTP_FRACTION,
    ntpMiddle: ((seconds << 16) | (fraction >>> 16)) >>> 0,
    rtpTimestamp: view.getUint32(at + 16),
  };
}

export interface ReceptionReport {
  /** Of the receiver. */
  ownSsrc: number;
  ssrc: number;
  /** Since the last report, 0 … 255 of 256. */
  fractionLost: number;
  cumulativeLost: number;
  extendedHighestSequence: number;
  /** In units of the RTP clock. */
  jitter: number;
  /** Of the last sender report; 0 where there was none. */
  lastSenderReport: number;
  /** In units of 1/65536 s. */
  delaySinceSenderReport: number;
}

/** A compound packet: the receiver report, and the description of its source that has to stand behind it (§6.1). */
export function writeReceiverReport(report: ReceptionReport, cname: string): Uint8Array {
  const name = Buffer.from(cname, "utf8").subarray(0, 255);
  // SSRC, type, length, name, one zero at least; up to a multiple of 4.
  const chunkSize = Math.ceil((4 + 2 + name.byteLength + 1) / 4) * 4;
  const bytes = new Uint8Array(32 + 4 + chunkSize);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, (VERSION << 6) | 1);
  view.setUint8(1, RECEIVER_REPORT);
  view.setUint16(2, 7);
  view.setUint32(4, report.ownSsrc);
  view.setUint32(8, report.ssrc);
  const lost = Math.max(-0x800000, Math.min(0x7fffff, report.cumulativeLost));
  view.setUint32(12, (report.fractionLost << 24) | (lost & 0xffffff));
  view.setUint32(16, report.extendedHighestSequence);
  view.setUint32(20, report.jitter);
  view.setUint32(24, report.lastSenderReport);
  view.setUint32(28, report.delaySinceSenderReport);
  view.setUint8(32, (VERSION << 6) | 1);
  view.setUint8(33, SOURCE_DESCRIPTION);
  view.setUint16(34, chunkSize / 4);
  view.setUint32(36, report.ownSsrc);
  view.setUint8(40, CNAME);
  view.setUint8(41, name.byteLength);
  bytes.set(name, 42);
  return bytes;
}
