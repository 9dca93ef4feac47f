// Range and conditions of a GET, RFC 9110 §13 and §14: one range of bytes. Several at once are answered with the whole,
// as the standard allows.

import type { IncomingHttpHeaders } from "node:http";

export type RangeAnswer =
  | { readonly status: 200 | 206; readonly from: number /** Behind the last byte. */; readonly to: number }
  | { readonly status: 304 | 416 };

export function rangeAnswer(headers: IncomingHttpHeaders, sizeBytes: number, etag: string): RangeAnswer {
  const { range, "if-none-match": noneMatch, "if-range": ifRange } = headers;
  if (noneMatch !== undefined && matches(noneMatch, etag)) return { status: 304 };
  const whole = { status: 200, from: 0, to: sizeBytes } as const;
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return whole;
  const [, first = "", last = ""] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/.exec(range) ?? [];
  if (first === "" && last === "") return whole;
  if (first === "") {
    const from = Math.max(0, sizeBytes - Number(last));
    return from < sizeBytes ? { status: 206, from, to: sizeBytes } : { status: 416 };
  }
  const from = Number(first);
  const to = last === "" ? sizeBytes : Math.min(sizeBytes, Number(last) + 1);
  // A range that ends before it begins is none.
  if (last !== "" && Number(last) < from) return whole;
  return from < sizeBytes ? { status: 206, from, to } : { status: 416 };
}

/** Weak comparison: the tags of this server are strong, a cache may have made them weak. */
function matches(header: string, etag: string): boolean {
  return header.split(",").some((part) => {
    const tag = part.trim();
    return tag === "*" || tag === etag || tag === `W/${etag}`;
  });
}
