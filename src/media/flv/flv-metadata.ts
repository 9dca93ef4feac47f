// onMetaData, annex E.5: what the file says of itself. Times and positions of keyframes are the common `keyframes`
// object, two arrays of numbers; the places of all values are known, so that a repair can patch them.

import { type AmfNode, AmfReader, numberAt } from "./amf0-reader.js";

export interface KeyframeTable {
  times: { at: number; count: number; countAt: number };
  filePositions: { at: number; count: number; countAt: number };
}

export interface Metadata {
  /** The script tag's data; places are counted from its beginning. */
  data: Buffer;
  fields: ReadonlyMap<string, AmfNode>;
  keyframes: KeyframeTable | undefined;
}

/** Returns undefined for another script tag (onCuePoint, onTextData). Throws AmfError. */
export function parseMetadata(data: Buffer): Metadata | undefined {
  const reader = new AmfReader(data);
  const name = reader.readValue();
  if (name.type !== "string" || name.value !== "onMetaData") return undefined;
  const value = reader.readValue();
  const fields = value.type === "object" ? value.fields : new Map<string, AmfNode>();
  const table = fields.get("keyframes");
  const times = table?.type === "object" ? table.fields.get("times") : undefined;
  const filePositions = table?.type === "object" ? table.fields.get("filepositions") : undefined;
  const keyframes =
    times?.type === "numbers" && filePositions?.type === "numbers" ? { times, filePositions } : undefined;
  return { data, fields, keyframes };
}

export function metadataNumber(metadata: Metadata, name: string): number | undefined {
  const value = metadata.fields.get(name);
  return value?.type === "number" ? value.value : undefined;
}

export function metadataBoolean(metadata: Metadata, name: string): boolean | undefined {
  const value = metadata.fields.get(name);
  return value?.type === "boolean" ? value.value : undefined;
}

export function keyframePosition(metadata: Metadata, index: number): number {
  return metadata.keyframes ? numberAt(metadata.data, metadata.keyframes.filePositions, index) : Number.NaN;
}

export function keyframeTimeMs(metadata: Metadata, index: number): number {
  return metadata.keyframes ? numberAt(metadata.data, metadata.keyframes.times, index) * 1000 : Number.NaN;
}
