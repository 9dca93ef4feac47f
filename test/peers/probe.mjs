// FFmpeg 8 as a judge: prints what it finds in a file, packet by packet, as JSON.
// Usage: node probe.mjs FILE

import { createHash } from "node:crypto";

// Node 20 has none.
Promise.withResolvers ??= () => {
  let resolve;
  let reject;
  const promise = new Promise((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

const { Demuxer } = await import("node-av/api");
const { avGetCodecName } = await import("node-av/lib");
const TYPES = ["video", "audio", "data", "subtitle"];
const NO_PTS = -(2n ** 63n);

const demuxer = await Demuxer.open(process.argv[2]);
const tracks = demuxer.streams.map(({ index, codecpar, timeBase }) => ({
  index,
  kind: TYPES[codecpar.codecType],
  codec: avGetCodecName(codecpar.codecId),
  sampleRate: codecpar.sampleRate,
  channels: codecpar.channels,
  width: codecpar.width,
  height: codecpar.height,
  extradata: codecpar.extradata?.toString("hex") ?? "",
  scale: (90000 * timeBase.num) / timeBase.den,
  packets: [],
}));
for await (const packet of demuxer.packets()) {
  if (!packet) break;
  const { scale, packets } = tracks[packet.streamIndex];
  const to90k = (time) => (time === NO_PTS ? null : Number(time) * scale);
  packets.push({
    pts90k: to90k(packet.pts),
    dts90k: to90k(packet.dts),
    duration90k: Number(packet.duration) * scale,
    isKey: packet.isKeyframe,
    sizeBytes: packet.size,
    hash: createHash("md5").update(packet.data).digest("hex"),
  });
  packet.free();
}
await demuxer.close();
console.log(JSON.stringify(tracks));
