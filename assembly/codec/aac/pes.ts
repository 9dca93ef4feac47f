// AAC in MPEG-TS goes out with an ADTS header in front of every access unit.

import { beginAccessUnit, STREAM_ID_AUDIO } from "../../container/mpegts/pes";
import { writeSpan } from "../../container/mpegts/packet";
import { ADTS_HEADER_SIZE, putAdtsHeader } from "./adts";

/** Most bytes of an access unit in front of what the ring holds of it. */
export function aacPesOverhead(): u32 {
  return ADTS_HEADER_SIZE;
}

export function writeAacPes(
  ts: usize,
  at: usize,
  track: u32,
  payload: usize,
  size: u32,
  config: usize,
  flags: u32,
  pcr: i64,
  pts: i64,
): usize {
  const bytes = ADTS_HEADER_SIZE + size;
  at = beginAccessUnit(ts, at, track, STREAM_ID_AUDIO, flags, pcr, pts, pts, bytes, ADTS_HEADER_SIZE);
  at = putAdtsHeader(at, config, payload, size);
  return writeSpan(ts, at, track, payload, size);
}
