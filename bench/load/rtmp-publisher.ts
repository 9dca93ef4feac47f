// One publisher of the load: connects, says what an encoder says (OBS's order), and is then a socket to write messages
// to. What the server sends while the stream runs is not looked at.

import { connect, type Socket } from "node:net";
import { COMMAND_CHUNK_STREAM, CONTROL_CHUNK_STREAM, writeAmf0, writeRtmpMessage } from "./rtmp-message.js";

const HANDSHAKE_BYTES = 1536;
const COMMAND_TYPE = 20;
const SET_CHUNK_SIZE_TYPE = 1;

export interface PublishTarget {
  port: number;
  app: string;
  name: string;
  chunkBytes: number;
}

/** Resolves when the server has answered NetStream.Publish.Start. */
export async function openPublisher({ port, app, name, chunkBytes }: PublishTarget): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const replies = new ReplyReader(socket);
  const command = (streamId: number, ...values: Parameters<typeof writeAmf0>) =>
    socket.write(
      writeRtmpMessage({
        chunkStream: COMMAND_CHUNK_STREAM,
        type: COMMAND_TYPE,
        streamId,
        timeMs: 0,
        isDelta: false,
        body: writeAmf0(...values),
        chunkBytes,
      }),
    );

  const hello = Buffer.alloc(1 + HANDSHAKE_BYTES);
  hello[0] = 3; // version; C1: time 0, zero, random (zeros)
  socket.write(hello);
  const answer = await replies.take(1 + 2 * HANDSHAKE_BYTES);
  socket.write(answer.subarray(1, 1 + HANDSHAKE_BYTES)); // C2 repeats S1

  const chunkSize = Buffer.alloc(4);
  chunkSize.writeUInt32BE(chunkBytes);
  socket.write(
    writeRtmpMessage({
      chunkStream: CONTROL_CHUNK_STREAM,
      type: SET_CHUNK_SIZE_TYPE,
      streamId: 0,
      timeMs: 0,
      isDelta: false,
      body: chunkSize,
      chunkBytes: 128,
    }),
  );
  command(0, "connect", 1, {
    app,
    type: "nonprivate",
    flashVer: "FMLE/3.0 (compatible; Reel bench)",
    tcUrl: `rtmp://127.0.0.1:${port}/${app}`,
  });
  await replies.command("_result", 1);
  command(0, "releaseStream", 2, null, name);
  command(0, "FCPublish", 3, null, name);
  command(0, "createStream", 4, null);
  const created = await replies.command("_result", 4);
  // The stream id is the reply's last value; every server looked at counts from 1, which the ready-made messages rely
  // on.
  const streamId = created.readDoubleBE(created.length - 8);
  if (streamId !== 1) throw new Error(`the server gave ${name} the message stream ${streamId}`);
  command(1, "publish", 5, null, name, "live");
  await replies.command("NetStream.Publish.Start");
  replies.stop();
  return socket;
}

/** The orderly end: unpublish, delete the stream, close. */
export function closePublisher(socket: Socket, name: string, chunkBytes: number): void {
  const command = (...values: Parameters<typeof writeAmf0>) =>
    socket.write(
      writeRtmpMessage({
        chunkStream: COMMAND_CHUNK_STREAM,
        type: COMMAND_TYPE,
        streamId: 0,
        timeMs: 0,
        isDelta: false,
        body: writeAmf0(...values),
        chunkBytes,
      }),
    );
  command("FCUnpublish", 6, null, name);
  command("deleteStream", 7, null, 1);
  socket.end();
}

/** What the server says before the stream runs: the handshake's bytes, then messages. */
class ReplyReader {
  #socket: Socket;
  #bytes = Buffer.alloc(0);
  #chunkBytes = 128;
  #messages: { type: number; body: Buffer }[] = [];
  #partial = new Map<
    number,
    { type: number; length: number; parts: Buffer[]; got: number; hasExtendedTime: boolean }
  >();
  #isHandshakeDone = false;
  #wake: (() => void) | undefined;
  #error: Error | undefined;
  #onData = (bytes: Buffer): void => {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#isHandshakeDone) this.#parse();
    this.#wake?.();
  };
  #onClose = (): void => this.#fail(new Error("the server closed the connection"));
  #fail = (error: Error): void => {
    this.#error = error;
    this.#wake?.();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.#onData);
    socket.on("close", this.#onClose);
    socket.on("error", this.#fail);
  }

  async take(count: number): Promise<Buffer> {
    await this.#until(() => this.#bytes.length >= count);
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(count);
    this.#isHandshakeDone = true;
    this.#parse();
    return taken;
  }

  /** The next command whose body holds `text`, and where given the transaction id. */
  async command(text: string, transaction?: number): Promise<Buffer> {
    let found: Buffer | undefined;
    await this.#until(() => {
      for (let message = this.#messages.shift(); message && !found; message = this.#messages.shift()) {
        const { type, body } = message;
        if (type !== COMMAND_TYPE) continue;
        if (body.includes("_error") || body.includes("BadName"))
          throw new Error(`the server refused: ${body.toString("latin1").replace(/[^ -~]+/g, " ")}`);
        if (!body.includes(text)) continue;
        if (transaction !== undefined && body.readDoubleBE(3 + text.length + 1) !== transaction) continue;
        found = body;
        return true;
      }
      return found !== undefined;
    });
    return found as Buffer;
  }

  stop(): void {
    this.#socket.off("data", this.#onData);
    this.#socket.off("close", this.#onClose);
    this.#socket.resume();
  }

  async #until(condition: () => boolean): Promise<void> {
    const endMs = performance.now() + 20_000;
    while (!condition()) {
      if (this.#error) throw this.#error;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error("the server did not answer within 20 s");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #parse(): void {
    for (;;) {
      const used = this.#parseChunk(this.#bytes);
      if (used === 0) return;
      this.#bytes = this.#bytes.subarray(used);
    }
  }

  /** Bytes of one whole chunk, or 0 where more are needed. */
  #parseChunk(bytes: Buffer): number {
    if (bytes.length < 1) return 0;
    const first = bytes[0] as number;
    const format = first >> 6;
    const headerBytes = [11, 7, 3, 0][format] as number;
    let at = 1 + headerBytes;
    if (bytes.length < at) return 0;
    const id = first & 0x3f;
    const known = this.#partial.get(id);
    const length = format <= 1 ? bytes.readUIntBE(4, 3) : (known?.length ?? 0);
    const type = format <= 1 ? (bytes[7] as number) : (known?.type ?? 0);
    const hasExtendedTime = format === 3 ? (known?.hasExtendedTime ?? false) : bytes.readUIntBE(1, 3) === 0xffffff;
    if (hasExtendedTime) at += 4;
    const isNew = format !== 3 || !known || known.got === 0;
    const message = isNew ? { type, length, parts: [], got: 0, hasExtendedTime } : known;
    const take = Math.min(this.#chunkBytes, message.length - message.got);
    if (bytes.length < at + take) return 0;
    message.parts.push(bytes.subarray(at, at + take));
    message.got += take;
    this.#partial.set(id, message);
    if (message.got === message.length) {
      const body = Buffer.concat(message.parts);
      this.#partial.set(id, { ...message, parts: [], got: 0 });
      if (type === SET_CHUNK_SIZE_TYPE) this.#chunkBytes = body.readUInt32BE(0);
      else this.#messages.push({ type, body });
    }
    return at + take;
  }
}
