// A publisher of RTMP messages written by hand, over a socket that stays open: for streams that no program here sends.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { ReelProcess } from "./reel-server.js";
import { messageBytes, obsOpening } from "./rtmp-bytes.js";

const CHUNK_SIZE = 4096;
const AUDIO = 8;
const VIDEO = 9;

/** The body of an extended video tag (Enhanced RTMP v2), of one track. */
export function exVideoTag(fourCc: string, packetType: number, isKey: boolean, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((isKey ? 0x90 : 0xa0) | packetType), Buffer.from(fourCc), data]);
}

export class RawPublisher {
  readonly #socket: Socket;

  constructor(server: ReelProcess, name: string) {
    const { hostname, port } = new URL(server.rtmpUrl(name));
    this.#socket = connect(Number(port), hostname);
    this.#socket.resume();
    // A server that a test kills resets the connection.
    this.#socket.on("error", () => {});
    this.#socket.write(obsOpening("live", name));
  }

  video(timeMs: number, payload: Uint8Array): void {
    this.#write(6, VIDEO, timeMs, payload);
  }

  audio(timeMs: number, payload: Uint8Array): void {
    this.#write(7, AUDIO, timeMs, payload);
  }

  /** Resolves when the server has closed too. */
  async end(): Promise<void> {
    this.#socket.end();
    if (!this.#socket.closed) await once(this.#socket, "close");
  }

  #write(csid: number, type: number, time: number, payload: Uint8Array): void {
    this.#socket.write(messageBytes({ csid, type, streamId: 1, time, payload }, CHUNK_SIZE));
  }
}
