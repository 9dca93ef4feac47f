// A publisher that sends a clip over and over at the pace of its clock until it is told to stop, and counts.

import { setTimeout as delay } from "node:timers/promises";
import { RtmpPublisher } from "../../src/ingest/rtmp/publish-client.js";
import type { FlvTag } from "../../src/media/flv/flv-tag.js";

const AUDIO = 8;
const VIDEO = 9;
const FRAME_MS = 40;

/** Resolves with the frames that were sent. Throws where the server ends the connection. */
export async function publishLooped(
  url: string,
  tags: readonly FlvTag[],
  isOver: () => boolean,
): Promise<{ video: number; audio: number }> {
  const publisher = await RtmpPublisher.open(url);
  const startMs = performance.now();
  // Of both tracks the next round comes after the last frame.
  const clipMs = Math.max(...tags.map(({ timestampMs }) => timestampMs)) + FRAME_MS;
  const sent = { video: 0, audio: 0 };
  for (let offsetMs = 0; !isOver(); offsetMs += clipMs) {
    for (const { type, timestampMs, data } of tags) {
      if (isOver()) break;
      const isFrame = (type === AUDIO || type === VIDEO) && data[1] === 1;
      // The configurations are known after the first time; an end of sequence is none of a live stream.
      if ((offsetMs > 0 || data[1] === 2) && !isFrame) continue;
      const waitMs = startMs + offsetMs + timestampMs - performance.now();
      if (waitMs > 1) await delay(waitMs);
      if (publisher.isClosed) throw new Error(`${url}: the server has ended the connection`);
      publisher.send({ type, timestampMs: timestampMs + offsetMs, data });
      if (isFrame) sent[type === VIDEO ? "video" : "audio"]++;
    }
  }
  await publisher.close();
  return sent;
}
