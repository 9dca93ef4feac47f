// FFmpeg 8 as a judge: prints what it finds in files, packet by packet, as JSON, and decodes them; complaints go to
// stderr. Usage: node probe.mjs FILE …

import { createHash } from "node:crypto";
import "./with-resolvers.mjs";

const { Decoder, Demuxer } = await import("node-av/api");
const { AV_LOG_WARNING, AV_NOPTS_VALUE } = await import("node-av/constants");
const { avGetCodecName, Log } = await import("node-av/lib");
const TYPES = ["video", "audio", "data", "subtitle"];
Log.setLevel(AV_LOG_WARNING);

async function probe(path, usualRate) {
  const demuxer = await Demuxer.open(path);
  // FFmpeg 8 finds no rate in LATM of AAC-LD and AAC-ELD, and decodes them with one: that of the first file.
  for (const { codecpar } of demuxer.streams)
    if (codecpar.sampleRate === 0 && TYPES[codecpar.codecType] === "audio") codecpar.sampleRate = usualRate;
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
    decodedFrames: 0,
    decodedSamples: 0,
    decodedHash: createHash("md5"),
    soundHash: createHash("md5"),
  }));
  const decoders = [];
  for (const stream of demuxer.streams) decoders.push(await Decoder.create(stream, { exitOnError: true }));
  const count = (index, frames) => {
    for (const frame of frames) {
      tracks[index].decodedFrames++;
      tracks[index].decodedSamples += frame.nbSamples;
      const { kind, decodedHash, soundHash } = tracks[index];
      (kind === "video" ? decodedHash : soundHash).update(frame.toBuffer());
      frame.free();
    }
  };
  for await (const packet of demuxer.packets()) {
    if (!packet) break;
    // A tag that says something of the track and holds no frame.
    if (packet.size === 0) {
      packet.free();
      continue;
    }
    const { scale, packets } = tracks[packet.streamIndex];
    const to90k = (time) => (time === AV_NOPTS_VALUE ? null : Number(time) * scale);
    packets.push({
      pts90k: to90k(packet.pts),
      dts90k: to90k(packet.dts),
      duration90k: Number(packet.duration) * scale,
      isKey: packet.isKeyframe,
      sizeBytes: packet.size,
      hash: createHash("md5").update(packet.data).digest("hex"),
    });
    count(packet.streamIndex, await decoders[packet.streamIndex].decodeAll(packet));
    packet.free();
  }
  for (const [index, decoder] of decoders.entries()) {
    count(index, await decoder.decodeAll(null));
    decoder.close();
  }
  await demuxer.close();
  for (const track of tracks) {
    track.decodedHash = track.decodedHash.digest("hex");
    track.soundHash = track.soundHash.digest("hex");
  }
  return tracks;
}

const found = [];
for (const path of process.argv.slice(2)) {
  const usualRate = found[0]?.find(({ kind }) => kind === "audio")?.sampleRate ?? 0;
  found.push(await probe(path, usualRate));
}
console.log(JSON.stringify(found));
