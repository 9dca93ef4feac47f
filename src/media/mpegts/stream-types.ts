// Names of the stream_type of a program map, ISO/IEC 13818-1 Table 2-34 and the registrations in use. Which ones are
// recorded is in the codec table.

const STREAM_TYPE_PRIVATE_PES = 0x06;

const NAMES: Readonly<Record<number, string>> = {
  1: "MPEG-1 video",
  2: "MPEG-2 video",
  3: "MPEG-1 audio",
  4: "MPEG-2 audio",
  5: "private sections",
  6: "private data",
  15: "AAC (ADTS)",
  16: "MPEG-4 part 2 video",
  17: "AAC (LATM)",
  21: "timed metadata",
  27: "H.264",
  32: "MVC sub-stream",
  33: "JPEG 2000",
  36: "H.265",
  51: "H.266",
  66: "AVS video",
  128: "private video",
  129: "AC-3 audio",
  130: "DTS audio",
  134: "SCTE-35",
  135: "E-AC-3 audio",
  219: "encrypted H.264",
  207: "encrypted AAC",
};

/** Descriptors that say what a private PES stream carries (ETSI EN 300 468 Table 12). */
const PRIVATE_NAMES: Readonly<Record<number, string>> = {
  86: "teletext",
  89: "DVB subtitles",
  106: "AC-3 audio",
  122: "E-AC-3 audio",
  123: "DTS audio",
};

export function streamTypeName(streamType: number, descriptorTags: readonly number[]): string {
  if (streamType === STREAM_TYPE_PRIVATE_PES) {
    for (const tag of descriptorTags) if (PRIVATE_NAMES[tag]) return PRIVATE_NAMES[tag];
  }
  return NAMES[streamType] ?? `stream type 0x${streamType.toString(16).padStart(2, "0")}`;
}
