// The tags of an FLV file (Adobe Video File Format 10.1, annex E) for the benchmarks' own sources and checks. It trusts
// the file: ours or ffmpeg's.

export interface FlvTag {
  kind: "audio" | "video" | "script";
  timestampMs: number;
  /** A sequence header: decoder configuration instead of a frame. */
  isHeader: boolean;
  isKey: boolean;
  compositionMs: number;
  /** Everything behind the tag header. */
  body: Buffer;
}

export const FLV_HEADER_BYTES = 9 + 4;
const KINDS: Readonly<Record<number, FlvTag["kind"]>> = { 8: "audio", 9: "video", 18: "script" };

export function* readFlvTags(file: Buffer): Generator<FlvTag> {
  for (let at = FLV_HEADER_BYTES; at + 11 <= file.length; ) {
    const bodyBytes = file.readUIntBE(at + 1, 3);
    const body = file.subarray(at + 11, at + 11 + bodyBytes);
    if (body.length < bodyBytes) return;
    const kind = KINDS[(file[at] ?? 0) & 0x1f] ?? "script";
    const isVideo = kind === "video";
    yield {
      kind,
      timestampMs: (file.readUIntBE(at + 4, 3) | ((file[at + 7] ?? 0) << 24)) >>> 0,
      isHeader: kind !== "script" && body[1] === 0,
      isKey: isVideo && (body[0] ?? 0) >> 4 === 1,
      compositionMs: isVideo && body.length >= 5 ? body.readIntBE(2, 3) : 0,
      body,
    };
    at += 11 + bodyBytes + 4;
  }
}
