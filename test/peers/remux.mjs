// FFmpeg 8 as publisher, reader and validator of enhanced RTMP and FLV, and of RTSP: sends, fetches or rewrites what
// comes as it is; over UDP at live pace, else as fast as it goes. Usage: node remux.mjs INPUT OUTPUT FORMAT [TRANSPORT]

import { setTimeout } from "node:timers/promises";
import "./with-resolvers.mjs";

const { Demuxer, Muxer } = await import("node-av/api");
const [input, output, format, transport = "tcp"] = process.argv.slice(2);
const rtsp = { rtsp_transport: transport };
const demuxer = await Demuxer.open(input, input.startsWith("rtsp") ? { options: rtsp } : {});
// What goes to a server cannot be gone back to.
const flv = output.includes("://") && format === "flv" ? { flvflags: "no_duration_filesize" } : {};
const options = format === "rtsp" ? rtsp : flv;
const muxer = await Muxer.open(output, { format, options });
// Tags of one container are refused by another; 0 lets the muxer choose.
for (const stream of demuxer.streams) stream.codecpar.codecTag = 0;
const outputs = new Map(demuxer.streams.map((stream) => [stream.index, muxer.addStream(stream)]));
const isPaced = format === "rtsp" && transport === "udp";
const startMs = performance.now();
for await (const packet of demuxer.packets()) {
  if (!packet) break;
  const { timeBase } = demuxer.streams[packet.streamIndex];
  const dueMs = startMs + (Number(packet.dts) * timeBase.num * 1000) / timeBase.den;
  if (isPaced) await setTimeout(Math.max(0, dueMs - performance.now()));
  await muxer.writePacket(packet, outputs.get(packet.streamIndex));
  packet.free();
}
await muxer.close();
await demuxer.close();
