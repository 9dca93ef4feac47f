// What FFmpeg 8 found in a file, held against what was sent.

import { expect } from "vitest";
import type { PeerTrack } from "./peers.js";

/** Of times that are rounded to a millisecond twice. */
const ROUNDED_90K = 180;

export function trackOf(tracks: readonly PeerTrack[] | undefined, kind: PeerTrack["kind"]): PeerTrack {
  const track = tracks?.find((track) => track.kind === kind);
  if (!track) throw new Error(`no ${kind} track`);
  return track;
}

/** As many packets, each at its time behind the first. */
export function expectSameTimes(sent: PeerTrack, found: PeerTrack, path: string): void {
  expect(found.packets.length, path).toBe(sent.packets.length);
  const zero = (found.packets[0]?.pts90k ?? 0) - (sent.packets[0]?.pts90k ?? 0);
  for (const [i, { pts90k, dts90k }] of found.packets.entries()) {
    const wanted = sent.packets[i];
    expect(Math.abs(pts90k - zero - (wanted?.pts90k ?? Number.NaN)), `${path} ${i}`).toBeLessThanOrEqual(ROUNDED_90K);
    expect(Math.abs(dts90k - zero - (wanted?.dts90k ?? Number.NaN)), `${path} ${i}`).toBeLessThanOrEqual(ROUNDED_90K);
  }
}
