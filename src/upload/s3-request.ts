// One request to an S3 server: signed with SigV4 (the library aws4), sent over node:http, its answer read whole. The
// hash of every body is signed (x-amz-content-sha256), so that any server refuses bytes that changed on the way.
//
// Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".

import { createHash } from "node:crypto";
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  Agent as PlainAgent,
  request as requestPlain,
} from "node:http";
import { request as requestSecure, Agent as SecureAgent } from "node:https";
import aws4 from "aws4";
import type { Pace } from "./pace.js";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface Bucket {
  /** http(s)://host[:port] */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** The bucket stands in the host name and not in the path. */
  readonly isHostStyle: boolean;
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Of the object; the bucket's own requests have none. */
  readonly key?: string;
  /** Encoded, without `?`. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** SHA-256 of the body, where the caller has it. */
  readonly sha256?: Buffer;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a server, or the way to it, refused. `status` 0: there was no answer. */
export class S3Failure extends Error {
  override name = "S3Failure";

  constructor(
    message: string,
    readonly status: number,
    /** S3's error code, or Node's. */
    readonly code: string,
  ) {
    super(message);
  }

  /** The same request may pass a moment later. */
  get isPassing(): boolean {
    // What is not implemented now will not be in a second.
    if (this.status === 501) return false;
    if (this.status === 0 || this.status >= 500 || this.status === 429 || this.status === 408) return true;
    return this.status === 400 && this.code === "RequestTimeout";
  }
}

/** Answers are short XML; a page of a thousand parts has some 300 KiB. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const EMPTY = new Uint8Array(0);

export class S3Sender {
  readonly #endpoint: URL;
  readonly #agent: PlainAgent | SecureAgent;

  constructor(
    private readonly bucket: Bucket,
    private readonly credentials: Credentials,
    private readonly pace: Pace,
    /** A connection without a byte in either direction for so long is given up. */
    private readonly idleMs: number,
  ) {
    this.#endpoint = new URL(bucket.endpoint);
    const options = { keepAlive: true, maxFreeSockets: 8 };
    this.#agent = this.#endpoint.protocol === "https:" ? new SecureAgent(options) : new PlainAgent(options);
  }

  /** Throws S3Failure for every answer of 300 or more that is not in `tolerated`, and where there is none. */
  async send(wanted: S3Request, tolerated: readonly number[] = []): Promise<S3Answer> {
    const answer = await this.#exchange(wanted);
    if (answer.status < 300 || tolerated.includes(answer.status)) return answer;
    throw failureOf(answer);
  }

  close(): void {
    this.#agent.destroy();
  }

  #exchange(wanted: S3Request): Promise<S3Answer> {
    const { method, body = EMPTY } = wanted;
    const isSecure = this.#endpoint.protocol === "https:";
    const options = this.#signed(wanted);
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void =>
        reject(new S3Failure(error.message || String(error.code), 0, error.code ?? "network"));
      const request = (isSecure ? requestSecure : requestPlain)({
        ...options,
        hostname: this.#endpoint.hostname.replace(/^\[|\]$/g, ""),
        ...(this.bucket.isHostStyle && { hostname: `${this.bucket.bucket}.${this.#endpoint.hostname}` }),
        port: this.#endpoint.port || (isSecure ? 443 : 80),
        agent: this.#agent,
      });
      request.setTimeout(this.idleMs, () => request.destroy(new Error(`no byte for ${this.idleMs} ms`)));
      request.on("error", fail);
      request.on("response", (response) => {
        readWhole(response).then((text) => {
          const { statusCode: status = 0, headers } = response;
          // What is left of the body is not sent: the caller uses its buffer again.
          if (status >= 300 && body.byteLength > 0) request.destroy();
          resolve({ status, headers, body: text });
        }, fail);
      });
      if (method === "GET" || method === "HEAD") request.end();
      else this.pace.write(request, body).catch((error: Error) => request.destroy(error));
    });
  }

  #signed({ method, key, query, headers, body = EMPTY, sha256 }: S3Request) {
    const { bucket, region, isHostStyle } = this.bucket;
    const prefix = this.#endpoint.pathname.replace(/\/$/, "") + (isHostStyle ? "" : `/${encodeKey(bucket)}`);
    const path = `${prefix}/${key === undefined ? "" : encodeKey(key)}${query ? `?${query}` : ""}`;
    const host = isHostStyle ? `${bucket}.${this.#endpoint.host}` : this.#endpoint.host;
    const hash = sha256 ?? createHash("sha256").update(body).digest();
    const { accessKeyId, secretAccessKey, sessionToken } = this.credentials;
    return aws4.sign(
      {
        ...{ service: "s3", region, method, path },
        headers: {
          Host: host,
          ...headers,
          "Content-Length": String(body.byteLength),
          "X-Amz-Content-Sha256": hash.toString("hex"),
        },
      },
      { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    );
  }
}

/** Every byte but the unreserved ones and `/`, as SigV4 wants it (RFC 3986 §2.3). */
export function encodeKey(key: string): string {
  return encodeURIComponent(key)
    .replaceAll("%2F", "/")
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

async function readWhole(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Error("the server's answer is larger than any of S3");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Of an answer that says no: S3 has its code in the XML, other servers have none. */
export function failureOf({ status, body }: Pick<S3Answer, "status" | "body">): S3Failure {
  const code = textOf(body, "Code") ?? String(status);
  const message = textOf(body, "Message");
  return new S3Failure(`the server answers ${status} ${code}${message ? `: ${message}` : ""}`, status, code);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The text of the first element of that name. */
export function textOf(xml: string, element: string): string | undefined {
  const inner = blocksOf(xml, element)[0];
  return inner?.replace(/&(amp|lt|gt|quot|apos);|&#(\d{1,6});/g, (_, name: string, code: string) =>
    name ? (ENTITIES[name] ?? "") : String.fromCodePoint(Number(code)),
  );
}

/** What stands in every element of that name; S3's are not nested in themselves. */
export function blocksOf(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}(?:\\s[^>]*)?>([\\s\\S]*?)</${element}>`, "g"))].map(
    ([, text = ""]) => text,
  );
}
