// Embeds the recorder: five seconds of silence, written as frames, recorded to an MP4. Run after `npm run build`: node
// examples/embed.mjs [folder]
import { once } from "node:events";
import { Recorder, TRACK_AUDIO } from "reel";

const folder = process.argv[2] ?? "media";
const recorder = await Recorder.open({ mediaFolders: [folder], stateFolder: `${folder}/.reel` });
await recorder.record({
  localStreamName: "silence",
  pathToFile: "silence",
  type: "mp4",
  overwrite: true,
  keepAlive: false,
});

const stream = recorder.openStream("silence");
stream.setDecoderConfig(TRACK_AUDIO, "aac", Uint8Array.of(0x11, 0x90)); // AAC-LC, 48 kHz, stereo
stream.settle(); // no other track will come
const silence = Uint8Array.of(0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c);
for (let dts90k = 0; dts90k < 5 * 90_000; dts90k += 1920) {
  // false: the ring is full, the source waits; a live source would be paused here
  while (!stream.writeFrame(TRACK_AUDIO, silence, dts90k, 0, true)) await stream.room();
}

const closed = once(recorder, "segmentClosed");
stream.end("done");
const [segment] = await closed;
console.log(`${segment.path}: ${segment.audioFrames} frames, ${(segment.durationMs / 1000).toFixed(2)} s`);
await recorder.close();
