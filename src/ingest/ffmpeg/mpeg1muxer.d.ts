// The one submodule of node-rtsp-stream that is used: it spawns ffmpeg and emits what that writes. Its main entry opens
// a WebSocket server.

declare module "node-rtsp-stream/mpeg1muxer.js" {
  import type { ChildProcessWithoutNullStreams } from "node:child_process";
  import type { EventEmitter } from "node:events";

  interface Mpeg1MuxerOptions {
    url: string;
    ffmpegPath: string;
    ffmpegOptions: Readonly<Record<string, string>>;
  }

  class Mpeg1Muxer extends EventEmitter<{
    mpeg1data: [data: Buffer];
    ffmpegStderr: [data: Buffer];
    exitWithError: [];
  }> {
    constructor(options: Mpeg1MuxerOptions);
    readonly stream: ChildProcessWithoutNullStreams;
  }
  export default Mpeg1Muxer;
}
