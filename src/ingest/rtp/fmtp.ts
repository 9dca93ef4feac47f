// Values of a=fmtp parameters, which outsiders write.

import type { RtpMedia } from "./rtp-media.js";

const MAX_HEX = 8192;

/** A whole number; `otherwise` where it is absent or none. */
export function numberOf({ fmtp }: RtpMedia, name: string, otherwise: number): number {
  const text = fmtp[name] ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : otherwise;
}

/** Bytes in hexadecimal; undefined where it is absent, or none. */
export function bytesOf({ fmtp }: RtpMedia, name: string): Uint8Array | undefined {
  const text = (fmtp[name] ?? "").replace(/^0x/i, "");
  if (text === "" || text.length > MAX_HEX || text.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(text)) return undefined;
  return Uint8Array.from(Buffer.from(text, "hex"));
}
