// What a demuxer counted. Every loss and every oddity of the input ends in one of these numbers; none of them ends the
// stream.

export interface DemuxStatistics {
  packets: number;
  /** Bytes passed over in search of a sync byte. */
  garbageBytes: number;
  syncLosses: number;
  /** transport_error_indicator. */
  transportErrors: number;
  scrambledPackets: number;
  continuityErrors: number;
  duplicates: number;
  /** discontinuity_indicator: announced by the source, not an error. */
  announcedDiscontinuities: number;
  pcrJumps: number;
  /** Sections with a wrong CRC or an impossible length. */
  badSections: number;
  /** PES packets with a wrong start code, header or timestamp. */
  badPes: number;
  /** Access units given up because part of them was lost. */
  damagedFrames: number;
  /** Access units above the limit. */
  oversizeFrames: number;
  /** Access units before the first usable decoder configuration or the first time. */
  framesBeforeConfig: number;
  /** Configurations that could not be used. */
  badConfigs: number;
  /** Access units whose time was derived from their predecessors'. */
  derivedTimes: number;
  /** Bytes of audio that belonged to no ADTS frame. */
  audioGarbageBytes: number;
  programChanges: number;
}

export function newDemuxStatistics(): DemuxStatistics {
  return {
    packets: 0,
    garbageBytes: 0,
    syncLosses: 0,
    transportErrors: 0,
    scrambledPackets: 0,
    continuityErrors: 0,
    duplicates: 0,
    announcedDiscontinuities: 0,
    pcrJumps: 0,
    badSections: 0,
    badPes: 0,
    damagedFrames: 0,
    oversizeFrames: 0,
    framesBeforeConfig: 0,
    badConfigs: 0,
    derivedTimes: 0,
    audioGarbageBytes: 0,
    programChanges: 0,
  };
}
