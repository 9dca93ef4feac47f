// Streams that a container cannot hold. One with video of which the container can carry none is refused whole, however
// much sound it has: a file of nothing but sound would be a recording only by its name. So is one with sound alone
// that the container cannot carry. What it cannot carry beside what it can is left out (`unsupportedTrack`).

import { ReelError } from "../../base/reel-error.js";
import { carries, containersFor } from "../../container/carries.js";
import type { ContainerName } from "../../container/container.js";
import type { CodecName, TrackKind } from "../../media/codec/codec-entry.js";
import { CODECS } from "../../media/codec/table.js";
import type { InStream } from "../../stream/in-stream.js";

/** After its first tracks a stream may have others, for so long. */
export const LATE_MS = 1000;

/**
 * Why, and which containers would do; undefined where it can be recorded, or may yet turn out so. `isLate`: a stream
 * without any track that is recorded, and without one that is announced, has had its time to bring one.
 */
export function refusalOf(stream: InStream, container: ContainerName, isLate = false): ReelError | undefined {
  const codecsOf = (kind: TrackKind): CodecName[] =>
    stream.tracks.flatMap((track) => (track.kind === kind && track.codec !== undefined ? [track.codec] : []));
  const videos = codecsOf("video");
  if (videos.length > 0) return refusal(stream, "video", videos, container);
  const audios = codecsOf("audio");
  const isAwaited = audios.length > 0 || stream.tracks.some(({ codec }) => codec === undefined);
  if (!stream.settled && (!isLate || isAwaited)) return undefined;
  const foreign = stream.unrecorded.filter(({ kind }) => kind === "video" || audios.length === 0);
  const names = foreign.map(({ codec }) => codec);
  if (names.length > 0) return notCarried(stream, list(names), []);
  return audios.length > 0 ? refusal(stream, "audio", audios, container) : undefined;
}

function refusal(
  stream: InStream,
  kind: TrackKind,
  codecs: readonly CodecName[],
  container: ContainerName,
): ReelError | undefined {
  if (codecs.some((codec) => carries(container, codec))) return undefined;
  const titles = [...new Set(codecs.map((codec) => CODECS[codec].title))];
  return notCarried(stream, `${list(titles)} ${kind}`, containersFor(codecs), container);
}

function notCarried(
  { name }: InStream,
  what: string,
  others: readonly ContainerName[],
  container?: ContainerName,
): ReelError {
  const why = container ? `which type=${container} cannot carry` : "which cannot be recorded";
  const instead = others.length > 0 ? `; record it with type=${others.join(" or type=")}` : "";
  return new ReelError("notCarried", `${name} has ${what}, ${why}${instead}`, { stream: name });
}

function list(names: readonly string[]): string {
  return names.join(" and ");
}
