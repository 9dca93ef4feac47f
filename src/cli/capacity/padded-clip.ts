// The clip of this package as a stream of any bit rate: its pictures grow by bytes behind their last slice. A recorder
// carries these as it carries every slice; a decoder would not like them, and is never shown them.

import { AvTag, TAG_FRAME } from "../../media/flv/av-tag.js";
import { type FlvTag, TAG_VIDEO } from "../../media/flv/flv-tag.js";
import { clipLengthMs } from "../clip.js";

const LENGTH_BYTES = 4;

/**
 * The tags of one loop, each picture grown in proportion to its size. Throws RangeError where the clip alone has more
 * than `bytesPerSecond`.
 */
export function paddedClip(tags: readonly FlvTag[], bytesPerSecond: number): FlvTag[] {
  const seconds = clipLengthMs(tags) / 1000;
  const has = tags.reduce((sum, { data }) => sum + data.length, 0);
  const missing = bytesPerSecond * seconds - has;
  if (missing < 0) {
    const least = ((8 * has) / seconds / 1e6).toFixed(2);
    throw new RangeError(`the rate must be at least ${least} Mb/s: the clip that is published has that`);
  }
  const pictures = tags.map(pictureStart);
  const video = tags.reduce((sum, { data }, i) => (pictures[i] === undefined ? sum : sum + data.length), 0);
  return tags.map((tag, i) => {
    const start = pictures[i];
    return start === undefined ? tag : grown(tag, start, Math.round((missing * tag.data.length) / video));
  });
}

/** Where the first length of a picture's units stands; undefined where the tag is none. */
function pictureStart({ type, data }: FlvTag): number | undefined {
  if (type !== TAG_VIDEO) return undefined;
  const tag = new AvTag();
  tag.parseVideo(data, 0, data.length);
  return tag.kind === TAG_FRAME ? tag.headerBytes : undefined;
}

function grown(tag: FlvTag, start: number, bytes: number): FlvTag {
  const data = new Uint8Array(tag.data.length + bytes).fill(0xff);
  data.set(tag.data);
  const view = new DataView(data.buffer);
  let last = start;
  for (let at = start; at < tag.data.length; at += LENGTH_BYTES + view.getUint32(at)) last = at;
  view.setUint32(last, view.getUint32(last) + bytes);
  return { ...tag, data };
}
