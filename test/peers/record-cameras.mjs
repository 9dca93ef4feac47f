// FFmpeg 8 as a recorder of cameras: reads `URL<tab>FILE` lines from its input and copies each RTSP source into a
// fragmented MP4, all in this process. Usage: node record-cameras.mjs

import { createInterface } from "node:readline";
import "./with-resolvers.mjs";

const { Demuxer, Muxer } = await import("node-av/api");
const { AV_LOG_ERROR } = await import("node-av/constants");
const { Log } = await import("node-av/lib");
Log.setLevel(AV_LOG_ERROR);

async function record(url, path) {
  const demuxer = await Demuxer.open(url, { options: { rtsp_transport: "tcp" } });
  const muxer = await Muxer.open(path, { format: "mp4", options: { movflags: "frag_keyframe+empty_moov" } });
  for (const stream of demuxer.streams) stream.codecpar.codecTag = 0;
  const outputs = new Map(demuxer.streams.map((stream) => [stream.index, muxer.addStream(stream)]));
  for await (const packet of demuxer.packets()) {
    if (!packet) break;
    await muxer.writePacket(packet, outputs.get(packet.streamIndex));
    packet.free();
  }
  await muxer.close();
  await demuxer.close();
}

const recordings = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [url, path] = line.split("\t");
  recordings.push(record(url, path));
}
await Promise.all(recordings);
