// What a session description says of one medium, whoever read it, and what the RTP room answers about it.

import type { TrackKind } from "../../media/codec/codec-entry.js";

export interface RtpMedia {
  /** Of the m= line. */
  kind: TrackKind;
  payloadType: number;
  /** Of a=rtpmap; "" where there is none: then a static payload type says it (RFC 3551 §6). */
  encodingName: string;
  /** 0 where it is not said. */
  clockRate: number;
  /** Of sound; 0 where it is not said. */
  channels: number;
  /** Of a=fmtp, of this payload type; names in small letters. */
  fmtp: Readonly<Record<string, string>>;
  /** ISO 639-2, three small letters. */
  language?: string | undefined;
  label?: string | undefined;
}
