// A track's decoder configuration as a journal keeps it: the fields of its block (src/abi/decoder-config.ts) by name,
// so that a journal outlives a change of that layout.

import {
  CONFIG_BYTES_OFFSET,
  CONFIG_BYTES_SIZE_OFFSET,
  CONFIG_CHANNELS_OFFSET,
  CONFIG_CODEC_OFFSET,
  CONFIG_COLOUR_OFFSET,
  CONFIG_CONTENT_LIGHT_OFFSET,
  CONFIG_HEIGHT_OFFSET,
  CONFIG_KIND_OFFSET,
  CONFIG_LANGUAGE_OFFSET,
  CONFIG_MASTERING_DISPLAY_OFFSET,
  CONFIG_OBJECT_TYPE_OFFSET,
  CONFIG_PAR_HEIGHT_OFFSET,
  CONFIG_PAR_WIDTH_OFFSET,
  CONFIG_PROFILE_OFFSET,
  CONFIG_RATE_INDEX_OFFSET,
  CONFIG_SAMPLE_RATE_OFFSET,
  CONFIG_SAMPLES_PER_FRAME_OFFSET,
  CONFIG_WIDTH_OFFSET,
} from "../../abi/decoder-config.js";
import { ReelError } from "../../base/reel-error.js";
import type { CodecName } from "../../media/codec/codec-entry.js";
import { codecOfName, codecOfNumber, KIND_NUMBERS } from "../../media/codec/table.js";

const FIELDS = {
  width: CONFIG_WIDTH_OFFSET,
  height: CONFIG_HEIGHT_OFFSET,
  sampleRate: CONFIG_SAMPLE_RATE_OFFSET,
  channels: CONFIG_CHANNELS_OFFSET,
  samplesPerFrame: CONFIG_SAMPLES_PER_FRAME_OFFSET,
  parWidth: CONFIG_PAR_WIDTH_OFFSET,
  parHeight: CONFIG_PAR_HEIGHT_OFFSET,
  colour: CONFIG_COLOUR_OFFSET,
  objectType: CONFIG_OBJECT_TYPE_OFFSET,
  rateIndex: CONFIG_RATE_INDEX_OFFSET,
  profile: CONFIG_PROFILE_OFFSET,
  language: CONFIG_LANGUAGE_OFFSET,
  // Four bytes each, whatever they mean.
  masteringDisplay0: CONFIG_MASTERING_DISPLAY_OFFSET,
  masteringDisplay1: CONFIG_MASTERING_DISPLAY_OFFSET + 4,
  masteringDisplay2: CONFIG_MASTERING_DISPLAY_OFFSET + 8,
  masteringDisplay3: CONFIG_MASTERING_DISPLAY_OFFSET + 12,
  masteringDisplay4: CONFIG_MASTERING_DISPLAY_OFFSET + 16,
  masteringDisplay5: CONFIG_MASTERING_DISPLAY_OFFSET + 20,
  contentLight: CONFIG_CONTENT_LIGHT_OFFSET,
} as const;

type FieldName = keyof typeof FIELDS;
export type StoredConfig = { codec: CodecName; bytes: string } & { [name in FieldName]?: number };

/** From a copy of the block, its bytes included. Fields that are 0 are left out. */
export function storeConfig(block: Uint8Array): StoredConfig {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const size = view.getUint32(CONFIG_BYTES_SIZE_OFFSET, true);
  const number = view.getUint32(CONFIG_CODEC_OFFSET, true);
  const codec = codecOfNumber(number);
  if (!codec) throw new ReelError("corrupt", `a decoder configuration names a codec ${number}`);
  const stored: StoredConfig = {
    codec: codec.name,
    bytes: Buffer.from(block.subarray(CONFIG_BYTES_OFFSET, CONFIG_BYTES_OFFSET + size)).toString("base64"),
  };
  for (const name of Object.keys(FIELDS) as FieldName[]) {
    const value = view.getUint32(FIELDS[name], true);
    if (value !== 0) stored[name] = value;
  }
  return stored;
}

/** Back to a block. Throws ReelError `corrupt` where what the index needs is missing. */
export function restoreConfig(stored: StoredConfig): Uint8Array {
  const codec = codecOfName(stored.codec);
  if (!codec) throw new ReelError("corrupt", `the journal names a codec ${stored.codec} that this program lacks`);
  const bytes = Buffer.from(stored.bytes, "base64");
  const block = new Uint8Array(CONFIG_BYTES_OFFSET + bytes.byteLength);
  const view = new DataView(block.buffer);
  view.setUint32(CONFIG_CODEC_OFFSET, codec.number, true);
  view.setUint32(CONFIG_KIND_OFFSET, KIND_NUMBERS[codec.kind], true);
  view.setUint32(CONFIG_BYTES_SIZE_OFFSET, bytes.byteLength, true);
  for (const name of Object.keys(FIELDS) as FieldName[]) view.setUint32(FIELDS[name], stored[name] ?? 0, true);
  block.set(bytes, CONFIG_BYTES_OFFSET);
  const hasClock = codec.kind !== "audio" || (!!stored.sampleRate && !!stored.samplesPerFrame);
  if (bytes.byteLength < codec.minimumConfigBytes || !hasClock)
    throw new ReelError("corrupt", `the journal's ${codec.name} decoder configuration is incomplete`);
  return block;
}

/** KIND_* of a copy of the block. */
export function kindOfBlock(block: Uint8Array): number {
  return new DataView(block.buffer, block.byteOffset, block.byteLength).getUint32(CONFIG_KIND_OFFSET, true);
}
