// A small HTTP server for one file, as a CDN or nginx would serve it: range requests (RFC 9110 §14), one page, and a
// listener for what the page has to report. It counts requests and bytes, and can withhold a part of the file: a
// request that comes to it waits there.

import { once } from "node:events";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface FileRequest {
  /** First byte asked for. */
  from: number;
  /** Handed to the connection. */
  sentBytes: number;
}

/** A part of the file, `to` not included. */
export interface Withheld {
  from: number;
  to: number;
}

const BLOCK_BYTES = 64 * 1024;

export class RangeServer {
  readonly requests: FileRequest[] = [];
  readonly reports: { text: string; requests: number }[] = [];
  readonly sizeBytes: number;
  #fd: number;
  #server: Server;
  #page: string;
  #withheld: Withheld;
  #closed = new AbortController();

  private constructor(path: string, page: string, withheld: Withheld) {
    this.#fd = openSync(path, "r");
    this.sizeBytes = fstatSync(this.#fd).size;
    this.#page = page;
    this.#withheld = withheld;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** `page`: served at `/`; the file at `/file.mp4`; what is posted to `/report` is kept. */
  static async start(path: string, page: string, withheld: Withheld): Promise<RangeServer> {
    const server = new RangeServer(path, page, withheld);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get sentBytes(): number {
    return this.requests.reduce((sum, request) => sum + request.sentBytes, 0);
  }

  /** How many requests for the file had come when the page first reported `what`. */
  requestsBefore(what: string): number {
    return this.reports.find((report) => report.text.includes(`"${what}"`))?.requests ?? Number.NaN;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
    closeSync(this.#fd);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === "/") response.writeHead(200, { "content-type": "text/html" }).end(this.#page);
    else if (request.url === "/report") {
      let text = "";
      for await (const bytes of request) text += String(bytes);
      this.reports.push({ text, requests: this.requests.length });
      response.writeHead(204).end();
    } else if (request.url === "/file.mp4") await this.#sendFile(request, response);
    else response.writeHead(404).end();
  }

  async #sendFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const from = range ? Number(range[1]) : 0;
    const to = Math.min(range?.[2] ? Number(range[2]) : this.sizeBytes - 1, this.sizeBytes - 1);
    const headers = { "content-type": "video/mp4", "accept-ranges": "bytes", "content-length": to + 1 - from };
    response.writeHead(
      range ? 206 : 200,
      range ? { ...headers, "content-range": `bytes ${from}-${to}/${this.sizeBytes}` } : headers,
    );
    const entry: FileRequest = { from, sentBytes: 0 };
    this.requests.push(entry);
    // A browser ends a request when it has enough.
    await pipeline(Readable.from(this.#blocks(entry, to)), response).catch(() => undefined);
  }

  async *#blocks(entry: FileRequest, to: number): AsyncGenerator<Buffer> {
    const { from: holdAt, to: holdTo } = this.#withheld;
    for (let at = entry.from; at <= to; ) {
      const isHeld = at >= holdAt && at < holdTo;
      if (isHeld && !this.#closed.signal.aborted) await once(this.#closed.signal, "abort");
      if (isHeld) return;
      const block = Buffer.alloc(Math.min(BLOCK_BYTES, to + 1 - at, at < holdAt ? holdAt - at : BLOCK_BYTES));
      readSync(this.#fd, block, 0, block.byteLength, at);
      at += block.byteLength;
      entry.sentBytes += block.byteLength;
      yield block;
    }
  }
}
