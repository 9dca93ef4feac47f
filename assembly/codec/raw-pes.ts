// Access units that go into MPEG-TS as they are: one PES packet each.

import { beginAccessUnit } from "../container/mpegts/pes";
import { writeSpan } from "../container/mpegts/packet";

/** PES_packet_length, which sound must have, counts 16 bits and the header behind it. */
export const MAX_RAW_ACCESS_UNIT: u32 = 0xff00;

export function writeRawPes(
  ts: usize,
  at: usize,
  track: u32,
  streamId: u32,
  payload: usize,
  size: u32,
  flags: u32,
  pcr: i64,
  pts: i64,
): usize {
  at = beginAccessUnit(ts, at, track, streamId, flags, pcr, pts, pts, size, 0);
  return writeSpan(ts, at, track, payload, size);
}
