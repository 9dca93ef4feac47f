// What is known of where a stream comes from.

/** Where a stream comes from, as the control interface shows it (ems-record-spec §2.0). */
export interface SourceInfo {
  /** EMS's tag of the kind of source: INR RTMP, INP RTSP, INTS MPEG-TS, INLFLV live FLV. */
  type: string;
  ip: string;
  port: number;
  farIp: string;
  farPort: number;
  nearIp: string;
  nearPort: number;
  pageUrl?: string;
  swfUrl?: string;
  tcUrl?: string;
  userAgent?: string;
  /** Of a pulled source: what reads it, and why that way. */
  reader?: string;
}
