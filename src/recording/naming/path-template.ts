// Templates of pathToFile: `{stream} {configId} {part}` and `%Y %m %d %H %M %S %z` of a segment's start; `%%` is a
// percent sign. Whatever is put in is never read as a template again, and a stream's name, which comes from outside,
// can add folders but leave none: it begins no path, and has no `.` or `..` among its parts.
//
//   {stream}/%Y-%m-%d/{stream}_%H%M%S   ─▶   cam/1/2026-11-27/cam/1_180000

import { ReelError } from "../../base/reel-error.js";
import { type LocalTime, zoneOf } from "../../base/zone.js";

/** What a name is made of. `part` counts the segments of a run, from 0. */
export interface NameFields {
  readonly localStreamName: string;
  readonly configId: number;
  readonly part: number;
  /** The segment's start. */
  readonly wallMs: number;
}

interface Field {
  /** False where it is the same for all segments of a config. */
  readonly isPerSegment: boolean;
  write(fields: NameFields, time: () => LocalTime): string;
}

const two = (value: number): string => String(value).padStart(2, "0");
const ofTime = (write: (time: LocalTime) => string): Field => ({
  isPerSegment: true,
  write: (_fields, time) => write(time()),
});

const FIELDS: Readonly<Record<string, Field>> = {
  "{stream}": { isPerSegment: false, write: ({ localStreamName }) => asPath(localStreamName) },
  "{configId}": { isPerSegment: false, write: ({ configId }) => String(configId) },
  "{part}": { isPerSegment: true, write: ({ part }) => String(part).padStart(4, "0") },
  "%Y": ofTime(({ year }) => String(year).padStart(4, "0")),
  "%m": ofTime(({ month }) => two(month)),
  "%d": ofTime(({ day }) => two(day)),
  "%H": ofTime(({ hour }) => two(hour)),
  "%M": ofTime(({ minute }) => two(minute)),
  "%S": ofTime(({ second }) => two(second)),
  "%z": ofTime(({ offsetMinutes }) => offsetText(offsetMinutes)),
  "%%": { isPerSegment: false, write: () => "%" },
};
/** For help and for refusals. */
export const TEMPLATE_FIELDS = Object.keys(FIELDS);

const FIELD_PATTERN = /\{[^{}]*\}?|\}|%[\s\S]?/g;
/** What file systems take as one name. */
const MAX_COMPONENT_BYTES = 255;

/** True where a path has something that is a field, or would be one. */
export function hasFields(pathToFile: string): boolean {
  return /[{}%]/.test(pathToFile);
}

export class PathTemplate {
  readonly #pieces: readonly (string | Field)[];
  readonly #zone: (wallMs: number) => LocalTime;

  /** `zone` as in `zoneOf`. Throws ReelError `badPath` that names an unknown field, `badArgument`. */
  constructor(
    private readonly text: string,
    zone?: string,
  ) {
    this.#zone = zoneOf(zone);
    const pieces: (string | Field)[] = [];
    let end = 0;
    for (const { 0: name, index } of text.matchAll(FIELD_PATTERN)) {
      const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
      if (!field)
        throw new ReelError("badPath", `${text}: unknown field ${name}; known are ${TEMPLATE_FIELDS.join(" ")}`);
      pieces.push(text.slice(end, index), field);
      end = index + name.length;
    }
    pieces.push(text.slice(end));
    this.#pieces = pieces;
  }

  /** True where segments of a config have different names by it. */
  get isPerSegment(): boolean {
    return this.#pieces.some((piece) => typeof piece !== "string" && piece.isPerSegment);
  }

  /** Throws ReelError `badPath` where a part of the path is too long for a file system. */
  expand(fields: NameFields): string {
    return this.#write(this.#pieces, fields);
  }

  /** The folder that all segments are below, as far as it is the same for all; "" = the first media folder. */
  folder(fields: NameFields): string {
    const first = this.#pieces.findIndex((piece) => typeof piece !== "string" && piece.isPerSegment);
    const fixed = this.#write(this.#pieces.slice(0, first < 0 ? undefined : first), fields);
    return fixed.slice(0, fixed.lastIndexOf("/") + 1);
  }

  #write(pieces: readonly (string | Field)[], fields: NameFields): string {
    let time: LocalTime | undefined;
    const timeOf = (): LocalTime => {
      time ??= this.#zone(fields.wallMs);
      return time;
    };
    const path = pieces.map((piece) => (typeof piece === "string" ? piece : piece.write(fields, timeOf))).join("");
    for (const name of path.split("/"))
      if (Buffer.byteLength(name) > MAX_COMPONENT_BYTES)
        throw new ReelError("badPath", `${this.text} gives the name ${name}, which is longer than 255 bytes`);
    return path;
  }
}

/** Its slashes are folders. */
function asPath(localStreamName: string): string {
  const parts = localStreamName.split("/").filter((part) => part !== "" && part !== "." && part !== "..");
  return parts.length > 0 ? parts.join("/") : "_";
}

/** `+0200` */
function offsetText(offsetMinutes: number): string {
  const minutes = Math.round(Math.abs(offsetMinutes));
  return `${offsetMinutes < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}
