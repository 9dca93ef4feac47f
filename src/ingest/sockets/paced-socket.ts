// An accepted socket, read at the pace of a ReadLoop. Three ways to read, the best that the runtime offers:
//
//   event: libuv reads into the shared buffer when bytes arrive (undocumented `_handle` with the documented `onread`;
//   Node 20) poll: read(2) from the timer, no readiness to wait for: a resting socket costs no wake-up at all
//   (`_handle.fd`; not on Windows) plain: 'data' events, where a probe says that the above does not work here
//
// Nothing is lost between the ways: bytes stay in the kernel until one of them reads, and end or error of a connection
// are left to libuv.

import { readSync } from "node:fs";
import net from "node:net";
import { PacedReads } from "./paced-reads.js";
import { HEADROOM_BYTES, type Pollable, READ_BYTES, type ReadLoop } from "./read-loop.js";

/** immediate: read what comes; coalesced: let it rest between reads; held: do not read until `resume`. */
export type ReadMode = "immediate" | "coalesced" | "held";

export interface ByteConsumer {
  /**
   * Takes bytes[start…end] and answers where it stopped; at most HEADROOM_BYTES may be left, and come again in front of
   * the next ones.
   */
  onBytes(bytes: Uint8Array, start: number, end: number, newBytes: number): number;
  readonly readMode: ReadMode;
  onEnd(): void;
  onError(error: Error): void;
}

interface TcpHandle {
  readonly fd?: number;
}
interface SocketWithHandle {
  _handle: TcpHandle | null;
}

/** How long a closing socket may take to get rid of its last replies. */
const LINGER_MS = 5000;
/** Reads of one poll, so that a torrent on one socket does not starve the others. */
const MAX_READS_PER_POLL = 4;
/** 16 MiB: more than the kernel keeps for a socket. */
const MAX_READS_AT_ONCE = 64;

/**
 * Takes the connection over from the socket that `net.Server` made (with pauseOnConnect), into one that reads into
 * `buffer`.
 */
export function adoptSocket(
  accepted: net.Socket,
  buffer: Uint8Array,
  onRead: (bytes: number) => boolean,
): net.Socket | undefined {
  const shell = accepted as unknown as SocketWithHandle;
  const handle = shell._handle;
  if (!handle) return undefined;
  // `handle` is a documented-by-source option of net.Socket; the typings know only `fd`.
  const options = { handle, onread: { buffer, callback: onRead } } as unknown as net.SocketConstructorOpts;
  const socket = new net.Socket(options);
  // The empty shell goes the regular way, so that the server's count of connections stays right.
  shell._handle = null;
  accepted.destroy();
  return socket;
}

export class PacedSocket implements Pollable {
  #loop: ReadLoop;
  #consumer: ByteConsumer;
  #socket: net.Socket;
  #isPlain: boolean;
  readonly #reads: PacedReads;
  /** Of the handle that was asked last: the question costs as much as a small read. -1 where it has none. */
  #fd = -1;
  #handle: TcpHandle | undefined;
  #isResting = false;
  #isGone = false;
  #isHandedOver = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(loop: ReadLoop, accepted: net.Socket, consumer: ByteConsumer, isPlain: boolean) {
    this.#loop = loop;
    this.#consumer = consumer;
    this.#reads = new PacedReads(loop, (bytes, start, end, newBytes) => consumer.onBytes(bytes, start, end, newBytes));
    const target = loop.buffer.subarray(HEADROOM_BYTES);
    const adopted = isPlain ? undefined : adoptSocket(accepted, target, (bytes) => this.#onRead(bytes));
    this.#socket = adopted ?? accepted;
    this.#isPlain = adopted === undefined;
    if (this.#isPlain) this.#socket.on("data", (chunk) => this.#onData(chunk));
    this.#socket.on("end", () => consumer.onEnd());
    this.#socket.on("error", (error) => consumer.onError(error));
    loop.joined();
    this.#socket.on("close", () => {
      loop.left();
      this.#isGone = true;
      clearTimeout(this.#linger);
      consumer.onEnd();
    });
    this.#socket.setNoDelay(true);
    this.#socket.resume();
  }

  /**
   * The descriptor, for another thread: nothing is read or written here from now on, and the socket stays open, whoever
   * wants it closed, until `takeBack`. Undefined where the socket cannot be read by its descriptor, or replies have not
   * gone out.
   */
  handOver(): number | undefined {
    const descriptor = this.#descriptor();
    if (descriptor === undefined || this.unsentBytes > 0) return undefined;
    this.#socket.pause();
    this.#isHandedOver = true;
    return descriptor;
  }

  /** That thread has let go of the descriptor. */
  takeBack(): void {
    this.#isHandedOver = false;
    if (this.#isGone) this.#socket.destroy();
  }

  onceClosed(listener: () => void): void {
    this.#socket.once("close", listener);
  }

  write(bytes: Uint8Array): void {
    if (!this.#isGone && this.#socket.writable) this.#socket.write(bytes);
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  end(): void {
    if (this.#isGone) return;
    this.#socket.destroySoon();
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    this.#linger.unref();
  }

  destroy(): void {
    this.#isGone = true;
    // The number would be given to the next file, and that thread would read it.
    if (!this.#isHandedOver) this.#socket.destroy();
  }

  /** Reads again after the consumer was held. */
  resume(): void {
    if (!this.#isGone && !this.#isResting && !this.#isHandedOver) this.#socket.resume();
  }

  /** Gives the consumer bytes again that it kept during a hold. */
  replay(bytes: Uint8Array): void {
    this.#reads.replay(bytes);
  }

  /** The rest is over: one read(2), more where it fills the buffer. */
  poll(): void {
    this.#isResting = false;
    if (this.#isGone || this.#isHandedOver) return;
    const fd = this.#descriptor();
    if (fd === undefined) {
      this.#socket.resume();
      return;
    }
    for (let reads = 0; reads < MAX_READS_PER_POLL; reads++) {
      const size = readAtMost(fd, this.#loop.buffer);
      if (size <= 0) {
        this.#socket.resume();
        return;
      }
      this.#reads.feed(size, size);
      const isFull = size === READ_BYTES;
      if (this.#rest(size, isFull) || this.#isGone || this.#consumer.readMode === "held") return;
      if (!isFull) break;
    }
    this.#socket.resume();
  }

  /**
   * Reads all that has come, its end included, whether or not the socket rests. Another socket's bytes may be in the
   * shared buffer, half of them parsed: they are put back.
   */
  readNow(): void {
    const fd = this.#descriptor();
    if (fd === undefined) return;
    const { buffer } = this.#loop;
    const interrupted = Buffer.from(buffer);
    for (let reads = 0; reads < MAX_READS_AT_ONCE; reads++) {
      const size = readAtMost(fd, buffer);
      if (size === 0) this.#consumer.onEnd();
      if (size <= 0) break;
      this.#reads.feed(size, size);
      if (this.#isGone || this.#consumer.readMode === "held") break;
    }
    buffer.set(interrupted);
  }

  /** Undefined where it cannot be read by read(2). */
  #descriptor(): number | undefined {
    // Gone as soon as the socket is closed, and with it the number.
    const handle = (this.#socket as unknown as SocketWithHandle)._handle;
    if (this.#isGone || this.#isPlain || !handle) return undefined;
    if (handle !== this.#handle) {
      this.#handle = handle;
      this.#fd = handle.fd ?? -1;
    }
    return this.#fd < 0 ? undefined : this.#fd;
  }

  /** libuv has read into the shared buffer. False stops reading. */
  #onRead(bytes: number): boolean {
    this.#reads.feed(bytes, bytes);
    return !this.#isGone && this.#consumer.readMode !== "held" && !this.#rest(bytes, bytes === READ_BYTES);
  }

  #onData(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += READ_BYTES) {
      const size = chunk.copy(this.#loop.buffer, HEADROOM_BYTES, at, Math.min(chunk.length, at + READ_BYTES));
      this.#reads.feed(size, size);
    }
    if (this.#isGone) return;
    if (this.#consumer.readMode === "held" || this.#rest(chunk.length, false)) this.#socket.pause();
  }

  /** Lets the socket rest for as long as its rate allows. False where it is to be read on. */
  #rest(bytes: number, isFull: boolean): boolean {
    const loop = this.#loop;
    const ticks = this.#reads.restTicks(bytes, loop.maxRestTicks);
    if (isFull || this.#isGone || this.#consumer.readMode !== "coalesced") return false;
    if (ticks < 1) return false;
    this.#isResting = true;
    loop.schedule(this, ticks);
    return true;
  }
}

/** Bytes that were read behind the headroom; 0 = the end; -1 = nothing there, or an error. */
function readAtMost(fd: number, buffer: Uint8Array): number {
  try {
    return readSync(fd, buffer, HEADROOM_BYTES, READ_BYTES, null);
  } catch {
    // EAGAIN: libuv tells when there is more. Any other error libuv meets and reports as well.
    return -1;
  }
}

/** Whether adoptSocket works on this runtime: sends one byte through a real connection. */
export async function probeAdoption(): Promise<boolean> {
  const server = net.createServer({ pauseOnConnect: true });
  const buffer = new Uint8Array(new SharedArrayBuffer(16));
  let client: net.Socket | undefined;
  let adopted: net.Socket | undefined;
  try {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") return false;
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), 2000);
      const answer = (works: boolean): void => {
        clearTimeout(timer);
        resolve(works);
      };
      server.once("connection", (socket) => {
        adopted = adoptSocket(socket, buffer, (bytes) => {
          answer(bytes === 1 && buffer[0] === 0x55);
          return false;
        });
        adopted?.on("error", () => answer(false)).resume();
        if (!adopted) answer(false);
      });
      client = net.connect(address.port, "127.0.0.1", () => client?.write(new Uint8Array([0x55])));
      client.on("error", () => answer(false));
    });
  } catch {
    return false;
  } finally {
    client?.destroy();
    adopted?.destroy();
    server.close();
  }
}
