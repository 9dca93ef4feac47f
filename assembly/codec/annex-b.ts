// NAL units with start codes, as MPEG-TS has them (ITU-T H.264 and H.265 Annex B).

import { writeSpan } from "../container/mpegts/packet";

/** As long as the length field it stands for. */
const START_CODE = memory.data<u8>([0, 0, 0, 1]);
const START_CODE_SIZE: u32 = 4;

// @ts-ignore: decorator
@inline
export function writeNal(ts: usize, at: usize, track: u32, nal: usize, size: u32): usize {
  at = writeSpan(ts, at, track, START_CODE, START_CODE_SIZE);
  return writeSpan(ts, at, track, nal, size);
}
