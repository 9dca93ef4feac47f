// FFmpeg 8 as publisher and as validator of enhanced RTMP and FLV, and of RTSP: sends or rewrites a file as it is, as fast as it
// goes. Usage: node remux.mjs INPUT OUTPUT FORMAT

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

const { Demuxer, Muxer } = await import("node-av/api");
const [input, output, format] = process.argv.slice(2);
const demuxer = await Demuxer.open(input);
// What goes to a server cannot be gone back to.
const flv = output.includes("://") && format === "flv" ? { flvflags: "no_duration_filesize" } : {};
const options = format === "rtsp" ? { rtsp_transport: "tcp" } : flv;
const muxer = await Muxer.open(output, { format, options });
// Tags of one container are refused by another; 0 lets the muxer choose.
for (const stream of demuxer.streams) stream.codecpar.codecTag = 0;
const outputs = new Map(demuxer.streams.map((stream) => [stream.index, muxer.addStream(stream)]));
for await (const packet of demuxer.packets()) {
  if (!packet) break;
  await muxer.writePacket(packet, outputs.get(packet.streamIndex));
  packet.free();
}
await muxer.close();
await demuxer.close();
