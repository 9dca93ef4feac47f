// The names of objects: a template of the file's own, filled for each. Fields are in braces, times are UTC.

import { ReelError } from "../base/reel-error.js";
import type { CatalogSegment } from "../catalog/catalog-segment.js";

/** What a template may name. */
export const KEY_FIELDS = {
  path: "the file's path below its media folder",
  name: "its name without folders",
  stream: "localStreamName",
  configId: "its record config",
  sequence: "the number of its opening, unique on a server",
  year: "of its beginning, UTC",
  month: "two digits",
  day: "two digits",
  hour: "two digits",
} as const;
type KeyField = keyof typeof KEY_FIELDS;

export const DEFAULT_KEY = "{path}";
/** Without one of these all files would have one name. */
const DISTINCT: readonly KeyField[] = ["path", "name", "sequence"];
const FIELD = /\{([^{}]*)\}/g;
/** Bytes of UTF-8; S3's limit. */
const MAX_KEY_BYTES = 1024;

/** Throws ReelError `badArgument`. */
export function checkKeyTemplate(template: string): void {
  const fields = [...template.matchAll(FIELD)].map(([, field = ""]) => field);
  const known = Object.keys(KEY_FIELDS);
  for (const field of fields)
    if (!known.includes(field))
      throw new ReelError("badArgument", `upload.key: {${field}} is no field; they are ${known.join(", ")}`);
  if (!DISTINCT.some((field) => fields.includes(field)))
    throw new ReelError("badArgument", `upload.key names no file: it needs {${DISTINCT.join("}, {")}}`);
  if (/[{}]/.test(template.replace(FIELD, "")))
    throw new ReelError("badArgument", "upload.key has a brace that no field has");
}

/** Throws ReelError `badName` where S3 cannot have such a name. */
export function objectKey(template: string, segment: CatalogSegment, mediaFolders: readonly string[]): string {
  const { path, localStreamName, configId, id, startedMs } = segment;
  const folder = mediaFolders.filter((media) => path.startsWith(`${media}/`)).sort((a, b) => b.length - a.length)[0];
  const begun = new Date(startedMs).toISOString();
  const values: Record<KeyField, string> = {
    path: folder === undefined ? path.slice(1) : path.slice(folder.length + 1),
    name: path.slice(path.lastIndexOf("/") + 1),
    stream: localStreamName,
    configId: String(configId),
    sequence: String(id),
    year: begun.slice(0, 4),
    month: begun.slice(5, 7),
    day: begun.slice(8, 10),
    hour: begun.slice(11, 13),
  };
  const key = template.replace(FIELD, (_, field: KeyField) => values[field]);
  // Servers and clients take such parts for steps between folders.
  if (key.startsWith("/") || key.split("/").some((part) => part === "." || part === ".." || part === ""))
    throw new ReelError("badName", `${key} cannot be the name of an object`, { path });
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw new ReelError("badName", `the name of the object would have more than ${MAX_KEY_BYTES} bytes: ${key}`, {
      path,
    });
  return key;
}

/**
 * For a file whose key is another's by now: when it began, and its number, stand in front of the suffix, so that nobody
 * else has it. undefined = too long.
 */
export function distinctKey(key: string, { id, startedMs }: CatalogSegment): string | undefined {
  const dot = key.lastIndexOf(".");
  const end = dot > key.lastIndexOf("/") + 1 ? dot : key.length;
  const begun = new Date(startedMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const distinct = `${key.slice(0, end)}.${begun}-${id}${key.slice(end)}`;
  return Buffer.byteLength(distinct) > MAX_KEY_BYTES ? undefined : distinct;
}
