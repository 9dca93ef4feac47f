// What the kernel alone takes for a load: a publisher is answered as far as it asks, then its socket is read about as
// often as Reel reads one, and the bytes are written to a file as they came. No message is looked at. Prints its port.

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { COMMAND_CHUNK_STREAM, writeAmf0, writeRtmpMessage } from "../load/rtmp-message.js";

const HANDSHAKE_BYTES = 1536;
const COMMAND_TYPE = 20;
const READ_MS = 150;
const TICK_MS = 25;
const BLOCK = Buffer.alloc(1 << 20);

const folder = process.argv[2] as string;
/** By the turn in which they are read. */
const turns: Set<{ socket: Socket; descriptor: number; file: number }>[] = Array.from(
  { length: READ_MS / TICK_MS },
  () => new Set(),
);
let accepted = 0;

const server = createServer({ noDelay: true }, (socket) => {
  const number = accepted++;
  let bytes = Buffer.alloc(0);
  let isGreeted = false;
  const answered = new Set<string>();
  const answer = (command: string, ...values: Parameters<typeof writeAmf0>): void => {
    if (answered.has(command) || !bytes.includes(command)) return;
    answered.add(command);
    const body = writeAmf0(...values);
    const message = { chunkStream: COMMAND_CHUNK_STREAM, type: COMMAND_TYPE, streamId: 0, timeMs: 0, isDelta: false };
    socket.write(writeRtmpMessage({ ...message, body, chunkBytes: 128 }));
  };
  socket.on("error", () => {});
  socket.on("data", (more) => {
    bytes = Buffer.concat([bytes, more]);
    if (!isGreeted && bytes.length > HANDSHAKE_BYTES) {
      isGreeted = true;
      socket.write(
        Buffer.concat([Buffer.of(3), Buffer.alloc(HANDSHAKE_BYTES), bytes.subarray(1, 1 + HANDSHAKE_BYTES)]),
      );
    }
    answer("connect", "_result", 1, null, null);
    answer("createStream", "_result", 4, null, 1);
    answer("publish", "onStatus", 0, null, { level: "status", code: "NetStream.Publish.Start" });
    if (!answered.has("publish")) return;
    // @ts-expect-error: the handle is nobody's but Node's; what reads it without an event loop needs its descriptor.
    const { _handle: handle } = socket;
    handle.readStop();
    const file = openSync(join(folder, `${number}.bytes`), "w");
    turns[number % turns.length]?.add({ socket, descriptor: handle.fd as number, file });
  });
});

function drain(turn: (typeof turns)[number]): void {
  for (const own of turn) {
    for (;;) {
      const got = readOf(own.descriptor);
      if (got > 0) writeSync(own.file, BLOCK, 0, got);
      if (got === 0) {
        turn.delete(own);
        closeSync(own.file);
        own.socket.destroy();
      }
      if (got < BLOCK.length) break;
    }
  }
}

/** -1 where nothing is there; 0 at the end. */
function readOf(descriptor: number): number {
  try {
    return readSync(descriptor, BLOCK);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EAGAIN" ? -1 : 0;
  }
}

let next = 0;
setInterval(() => drain(turns[next++ % turns.length] as (typeof turns)[number]), TICK_MS);
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  const address = server.address();
  console.log(typeof address === "object" && address ? address.port : 0);
});
