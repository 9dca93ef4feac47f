// A stored stream for the offline benchmarks: an FLV file of any length, made of the load's frames
// (bench/load/workload.ts), so that sizes and rates are those of the live runs.

import { closeSync, openSync, writeSync } from "node:fs";
import { type FrameBody, loadFrames, PERIOD_MS, WORKLOADS } from "../load/workload.js";

const FLV_TAG_HEADER_BYTES = 11;
const WRITE_BYTES = 4 << 20;

export interface StoredStream {
  path: string;
  sizeBytes: number;
  seconds: number;
  videoFrames: number;
  audioFrames: number;
}

/** Writes about `megabytes` of a workload at its nominal bit rate. */
export function writeStoredFlv(path: string, workloadName: string, megabytes: number): StoredStream {
  const workload = WORKLOADS[workloadName];
  if (!workload) throw new Error(`no workload ${workloadName}; there are ${Object.keys(WORKLOADS).join(", ")}`);
  const { headers, frames } = loadFrames(workload, 1, 1);
  const fd = openSync(path, "w");
  const stored: StoredStream = { path, sizeBytes: 0, seconds: 0, videoFrames: 0, audioFrames: 0 };
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const write = (bytes: Buffer): void => {
    pending.push(bytes);
    pendingBytes += bytes.length;
    stored.sizeBytes += bytes.length;
    if (pendingBytes < WRITE_BYTES) return;
    writeSync(fd, Buffer.concat(pending));
    pending = [];
    pendingBytes = 0;
  };
  write(Buffer.of(0x46, 0x4c, 0x56, 1, workload.video ? 5 : 4, 0, 0, 0, 9, 0, 0, 0, 0));
  for (const header of headers) write(flvTag(header, 0));
  for (let lap = 0; stored.sizeBytes < megabytes * 1e6; lap++) {
    for (const frame of frames) {
      write(flvTag(frame, lap * PERIOD_MS + frame.atMs));
      if (frame.isVideo) stored.videoFrames++;
      else stored.audioFrames++;
    }
    stored.seconds += PERIOD_MS / 1000;
  }
  if (pendingBytes > 0) writeSync(fd, Buffer.concat(pending));
  closeSync(fd);
  return stored;
}

function flvTag({ isVideo, body }: Pick<FrameBody, "isVideo" | "body">, timestampMs: number): Buffer {
  const tag = Buffer.alloc(FLV_TAG_HEADER_BYTES + body.length + 4);
  tag[0] = isVideo ? 9 : 8; // TagType
  tag.writeUIntBE(body.length, 1, 3); // DataSize
  tag.writeUIntBE(timestampMs & 0xffffff, 4, 3); // Timestamp
  tag[7] = timestampMs >>> 24; // TimestampExtended
  body.copy(tag, FLV_TAG_HEADER_BYTES);
  tag.writeUInt32BE(FLV_TAG_HEADER_BYTES + body.length, FLV_TAG_HEADER_BYTES + body.length); // PreviousTagSize
  return tag;
}
