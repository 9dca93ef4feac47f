// FFmpeg 8 with libfdk_aac, which Debian's ffmpeg lacks: encodes the sound of a file in a profile of AAC (LD, ELD, HE)
// and takes its video as it is. Usage: node encode-aac.mjs INPUT OUTPUT PROFILE

import "./with-resolvers.mjs";

const { Decoder, Demuxer, Encoder, Muxer } = await import("node-av/api");
const [input, output, profile] = process.argv.slice(2);
const demuxer = await Demuxer.open(input);
const muxer = await Muxer.open(output, { format: "matroska" });
const sound = demuxer.audio();
const decoder = await Decoder.create(sound);
const encoder = await Encoder.create("libfdk_aac", {
  decoder,
  autoResample: true,
  context: { profile: Number(profile) },
});
for (const stream of demuxer.streams) stream.codecpar.codecTag = 0;
const video = demuxer.video();
const places = { video: video && muxer.addStream(video), audio: muxer.addStream(encoder) };
const write = async (packets) => {
  for (const packet of packets) {
    await muxer.writePacket(packet, places.audio);
    packet.free();
  }
};
for await (const packet of demuxer.packets()) {
  if (!packet) break;
  if (packet.streamIndex === sound.index)
    for (const frame of await decoder.decodeAll(packet)) {
      await write(await encoder.encodeAll(frame));
      frame.free();
    }
  else await muxer.writePacket(packet, places.video);
  packet.free();
}
for (const frame of await decoder.decodeAll(null)) await write(await encoder.encodeAll(frame));
await write(await encoder.encodeAll(null));
await muxer.close();
await demuxer.close();
