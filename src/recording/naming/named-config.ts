// What a name is made from, and what a template of pathToFile is to those who know of none: a path, or a folder.

import type { RecordConfig } from "../record-config.js";
import { type NameFields, PathTemplate } from "./path-template.js";

/** `template` and `zone`: as in PathTemplate; without `template` a path is what it says. */
export type NamedConfig = Pick<
  RecordConfig,
  "pathToFile" | "localStreamName" | "type" | "overwrite" | "chunkLength" | "dateFolderStructure"
> &
  Partial<Pick<RecordConfig, "alignTo" | "configId" | "maxBytes" | "template" | "zone">>;

/** Of the segment that a name is for. */
export interface SegmentPlace {
  readonly wallMs: number;
  readonly part: number;
}

/** A template as far as it is the same for all segments: a path, or the folder of those whose names differ. */
export function plainConfig(config: NamedConfig): NamedConfig {
  if (!config.template) return config;
  const template = templateOf(config);
  const fields = fieldsOf(config, { wallMs: 0, part: 0 });
  if (!template.isPerSegment) return { ...config, pathToFile: template.expand(fields) };
  return { ...config, pathToFile: template.folder(fields) || "./", dateFolderStructure: true };
}

/** True where the segments of a config have names of their own by its template. */
export function isPerSegment(config: NamedConfig): boolean {
  return config.template === true && templateOf(config).isPerSegment;
}

/** The path of a segment, without its extension where the template does not say it. Throws ReelError `badPath`. */
export function expanded(config: NamedConfig, place: SegmentPlace): string {
  return templateOf(config).expand(fieldsOf(config, place));
}

function templateOf({ pathToFile, zone }: NamedConfig): PathTemplate {
  return new PathTemplate(pathToFile.trim(), zone);
}

function fieldsOf({ localStreamName, configId = 0 }: NamedConfig, place: SegmentPlace): NameFields {
  return { localStreamName, configId, ...place };
}
