// What was counted of one RTP track. Every loss and every oddity of the input ends in one of these numbers; none of
// them ends the session.

export interface RtpStatistics {
  packets: number;
  /** Given up: they did not come, or not in time. */
  lostPackets: number;
  duplicates: number;
  /** They came behind a later one, and in time. */
  reorderedPackets: number;
  /** They came after they had been given up. */
  latePackets: number;
  /** Sequence numbers that began anew. */
  restarts: number;
  /** No RTP, or a payload that contradicts itself. */
  badPackets: number;
  /** Of another source (SSRC) than the one that is recorded. */
  foreignPackets: number;
  /** Of another payload type than the session description has. */
  otherPayloads: number;
  /** Payload structures that are refused by name. */
  unsupportedPackets: number;
  badRtcp: number;
  senderReports: number;
  /** They contradict the media by more than 10 s. */
  ignoredSenderReports: number;
  /** Access units given up because part of them was lost. */
  damagedFrames: number;
  /** Access units above the limit. */
  oversizeFrames: number;
  /** Access units before the first usable decoder configuration. */
  framesBeforeConfig: number;
  /** Configurations that could not be used. */
  badConfigs: number;
}

export function newRtpStatistics(): RtpStatistics {
  return {
    packets: 0,
    lostPackets: 0,
    duplicates: 0,
    reorderedPackets: 0,
    latePackets: 0,
    restarts: 0,
    badPackets: 0,
    foreignPackets: 0,
    otherPayloads: 0,
    unsupportedPackets: 0,
    badRtcp: 0,
    senderReports: 0,
    ignoredSenderReports: 0,
    damagedFrames: 0,
    oversizeFrames: 0,
    framesBeforeConfig: 0,
    badConfigs: 0,
  };
}
