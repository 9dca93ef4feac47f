// Numbers and bounds of RTSP 1.0 (RFC 2326) as it is spoken here.

export const RTSP_VERSION = "RTSP/1.0";
export const DEFAULT_PORTS = { rtsp: 554, rtsps: 322 } as const;
export const DOLLAR = 0x24;
/** `$`, channel, length: what stands in front of an interleaved packet (§10.12). */
export const INTERLEAVED_HEADER_SIZE = 4;

/** Of a message: its first line and its headers. Real ones stay below 2 KiB. */
export const MAX_HEAD_BYTES = 16_384;
export const MAX_HEADERS = 128;
/** Session descriptions of cameras stay below 4 KiB. */
export const MAX_BODY_BYTES = 65_536;
/** One stream has up to eight tracks, and two channels or ports each. */
export const MAX_MEDIA = 16;
/** What a peer may leave unread of our requests and replies. */
export const MAX_UNREAD_BYTES = 262_144;

export const STATUS_OK = 200;
export const STATUS_BAD_REQUEST = 400;
export const STATUS_UNAUTHORIZED = 401;
export const STATUS_FORBIDDEN = 403;
export const STATUS_NOT_FOUND = 404;
export const STATUS_METHOD_NOT_ALLOWED = 405;
export const STATUS_UNSUPPORTED_MEDIA = 415;
export const STATUS_SESSION_NOT_FOUND = 454;
export const STATUS_NOT_VALID_IN_STATE = 455;
export const STATUS_UNSUPPORTED_TRANSPORT = 461;
export const STATUS_NOT_IMPLEMENTED = 501;

export const REASONS: Readonly<Record<number, string>> = {
  [STATUS_OK]: "OK",
  [STATUS_BAD_REQUEST]: "Bad Request",
  [STATUS_FORBIDDEN]: "Forbidden",
  [STATUS_NOT_FOUND]: "Not Found",
  [STATUS_METHOD_NOT_ALLOWED]: "Method Not Allowed",
  [STATUS_SESSION_NOT_FOUND]: "Session Not Found",
  [STATUS_NOT_VALID_IN_STATE]: "Method Not Valid in This State",
  [STATUS_UNSUPPORTED_TRANSPORT]: "Unsupported Transport",
  [STATUS_NOT_IMPLEMENTED]: "Not Implemented",
};
