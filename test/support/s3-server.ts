// A small S3 of the tests' own, in memory: put, head, get, multipart, ListParts, ListMultipartUploads, abort. It is
// strict where Amazon is (signatures, hashes of bodies, checksums of parts, sizes of parts, parts that it does not
// know), and it fails as the network does: 503, connections cut before or after the work, slow answers, expired
// uploads.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type Account, sha256Hex, signatureFault } from "./signature-v4.js";

export const TEST_ACCOUNT: Account = {
  accessKeyId: "REELTESTKEY",
  secretAccessKey: "reel/test+secret",
  region: "eu-central-1",
};
const BUCKET = "footage";

interface StoredPart {
  bytes: Buffer;
  etag: string;
  sha256: string | undefined;
}

interface StoredUpload {
  key: string;
  /** The upload was begun with `x-amz-checksum-algorithm`. */
  hasChecksums: boolean;
  parts: Map<number, StoredPart>;
}

export interface StoredObject {
  bytes: Buffer;
  etag: string;
  sha256: string | undefined;
  /** How often it was written. */
  versions: number;
}

export type Fault = "403" | "500" | "503" | "cutBefore" | "cutAfter" | "slow" | "expire";

export interface S3ServerOptions {
  /** What goes wrong with a request; undefined = nothing. */
  fault?: (request: { method: string; url: string }) => Fault | undefined;
  minPartBytes?: number;
  /** Parts of one answer of ListParts. */
  pageParts?: number;
  /** The server knows neither ListParts nor ListMultipartUploads nor checksums. */
  isPoor?: boolean;
  /** The ETag of many parts is the MD5 of the whole, and a completion that is repeated fails: 500 (s3rver 3.7). */
  isOdd?: boolean;
  /** Of an object that is not there it says 403, as Amazon does without s3:ListBucket. */
  mayNotList?: boolean;
  /** As MinIO it calls a part without the checksum that its upload was begun with an InvalidArgument. */
  isMinio?: boolean;
  /** ETags are no MD5, and no checksums are kept, as where objects are encrypted with a key of one's own. */
  isOpaque?: boolean;
}

export class S3Server {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, StoredUpload>();
  /** `METHOD status code` of everything that was refused. */
  readonly refusals: string[] = [];
  readonly counts = new Map<string, number>();
  options: S3ServerOptions;
  /** Of bodies that are being received, at its highest. */
  mostBodyBytes = 0;
  #bodyBytes = 0;
  #nextUpload = 1;

  private constructor(
    private readonly server: Server,
    options: S3ServerOptions,
  ) {
    this.options = options;
    server.on("request", (request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: S3ServerOptions = {}, port = 0): Promise<S3Server> {
    const server = createServer();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const s3 = new S3Server(server, options);
    running.add(s3);
    return s3;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    running.delete(this);
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "" } = request;
    const fault = this.options.fault?.({ method, url });
    if (fault === "cutBefore") {
      request.socket.destroy();
      return;
    }
    const body = await this.#readBody(request);
    if (fault === "slow") await delay(30);
    if (fault === "403") return this.#refuse(request, response, 403, "AccessDenied");
    if (fault === "500") return this.#refuse(request, response, 500, "InternalError");
    if (fault === "503") return this.#refuse(request, response, 503, "SlowDown");
    const signature = signatureFault({ method, url, headers: request.headers }, TEST_ACCOUNT);
    if (signature) return this.#refuse(request, response, 403, signature);
    if (sha256Hex(body) !== request.headers["x-amz-content-sha256"])
      return this.#refuse(request, response, 400, "XAmzContentSHA256Mismatch");
    const checksum = request.headers["x-amz-checksum-sha256"];
    if (checksum !== undefined && checksum !== sha256Base64(body))
      return this.#refuse(request, response, 400, "BadDigest");
    if (fault === "expire") this.uploads.delete(new URL(url, this.endpoint).searchParams.get("uploadId") ?? "");
    const respond: Respond = (status, text, headers = {}) => {
      if (fault === "cutAfter") request.socket.destroy();
      else response.writeHead(status, { "Content-Type": "application/xml", ...headers }).end(text);
    };
    const refused = this.#carryOut(request, body, respond);
    if (refused) this.#refuse(request, response, ...refused);
  }

  async #readBody(request: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let own = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        own += chunk.byteLength;
        this.#bodyBytes += chunk.byteLength;
        this.mostBodyBytes = Math.max(this.mostBodyBytes, this.#bodyBytes);
      }
    } finally {
      this.#bodyBytes -= own;
    }
    return Buffer.concat(chunks);
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, code: string): void {
    this.refusals.push(`${request.method} ${status} ${code}`);
    const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as the test wants it</Message></Error>`;
    response.writeHead(status, { "Content-Type": "application/xml" }).end(request.method === "HEAD" ? "" : text);
  }

  /** Returns status and code of a refusal. */
  #carryOut(request: IncomingMessage, body: Buffer, respond: Respond): [number, string] | undefined {
    const { pathname, searchParams: query } = new URL(request.url ?? "", this.endpoint);
    const [, bucket, ...rest] = pathname.split("/");
    const key = decodeURIComponent(rest.join("/"));
    if (bucket !== BUCKET) return [404, "NoSuchBucket"];
    const { method = "", headers } = request;
    const isList = method === "GET" && (query.has("uploads") || query.has("uploadId"));
    this.#count(`${method}${query.has("partNumber") ? " part" : query.has("uploads") ? " uploads" : ""}`);
    if (isList && this.options.isPoor) return [501, "NotImplemented"];
    if (key === "") return query.has("uploads") ? this.#listUploads(query, respond) : [400, "InvalidRequest"];
    if (query.has("uploads")) return this.#create(key, headers["x-amz-checksum-algorithm"] !== undefined, respond);
    const uploadId = query.get("uploadId");
    if (uploadId !== null) {
      const upload = this.uploads.get(uploadId);
      if (!upload || upload.key !== key)
        return this.options.isOdd && method === "POST" ? [500, "InternalError"] : [404, "NoSuchUpload"];
      if (method === "PUT") return this.#putPart(upload, Number(query.get("partNumber")), body, headers, respond);
      if (method === "GET") return this.#listParts(upload, query, respond);
      if (method === "DELETE") {
        this.uploads.delete(uploadId);
        respond(204, "");
        return undefined;
      }
      if (this.#isOld(key, headers)) return [412, "PreconditionFailed"];
      return this.#complete(uploadId, upload, body.toString(), respond);
    }
    if (method === "PUT") {
      if (this.#isOld(key, headers)) return [412, "PreconditionFailed"];
      const sha256 = this.#kept(headers["x-amz-checksum-sha256"] as string | undefined);
      respond(200, "", { ETag: `"${this.#store(key, body, md5(body), sha256)}"` });
      return undefined;
    }
    const found = this.objects.get(key);
    if (!found) return this.options.mayNotList ? [403, "AccessDenied"] : [404, "NoSuchKey"];
    const showsChecksum = headers["x-amz-checksum-mode"] === "ENABLED" && found.sha256 !== undefined;
    const said = {
      ETag: `"${found.etag}"`,
      "Content-Length": String(found.bytes.byteLength),
      ...(showsChecksum && { "x-amz-checksum-sha256": found.sha256 }),
    };
    respond(200, method === "HEAD" ? "" : found.bytes, said);
    return undefined;
  }

  #create(key: string, hasChecksums: boolean, respond: Respond): undefined {
    const uploadId = `upload/${this.#nextUpload++}+=&`;
    this.uploads.set(uploadId, { key, hasChecksums: hasChecksums && !this.options.isPoor, parts: new Map() });
    const escaped = uploadId.replaceAll("&", "&amp;");
    respond(200, `<InitiateMultipartUploadResult><UploadId>${escaped}</UploadId></InitiateMultipartUploadResult>`);
  }

  #putPart(
    upload: StoredUpload,
    number: number,
    bytes: Buffer,
    headers: IncomingMessage["headers"],
    respond: Respond,
  ): [number, string] | undefined {
    if (!(number >= 1 && number <= 10_000)) return [400, "InvalidArgument"];
    const sha256 = headers["x-amz-checksum-sha256"] as string | undefined;
    // "Checksum Type mismatch occurred, expected checksum Type: null"
    if (!this.options.isPoor && (sha256 !== undefined) !== upload.hasChecksums)
      return [400, this.options.isMinio ? "InvalidArgument" : "InvalidRequest"];
    const etag = md5(bytes);
    upload.parts.set(number, { bytes, etag, sha256: this.#kept(sha256) });
    respond(200, "", { ETag: `"${etag}"` });
    return undefined;
  }

  #listParts({ parts }: StoredUpload, query: URLSearchParams, respond: Respond): undefined {
    const after = Number(query.get("part-number-marker") ?? 0);
    const rest = [...parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const page = rest.slice(0, this.options.pageParts ?? 1000);
    const listed = page.map(
      ([number, { bytes, etag, sha256 }]) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${etag}&quot;</ETag><Size>${bytes.byteLength}</Size>${
          sha256 === undefined ? "" : `<ChecksumSHA256>${sha256}</ChecksumSHA256>`
        }</Part>`,
    );
    const isTruncated = page.length < rest.length;
    respond(
      200,
      `<ListPartsResult><IsTruncated>${isTruncated}</IsTruncated><NextPartNumberMarker>${page.at(-1)?.[0] ?? 0}</NextPartNumberMarker>${listed.join("")}</ListPartsResult>`,
    );
  }

  #listUploads(query: URLSearchParams, respond: Respond): undefined {
    const prefix = query.get("prefix") ?? "";
    const found = [...this.uploads].filter(([, { key }]) => key.startsWith(prefix));
    const listed = found.map(
      ([uploadId, { key }]) =>
        `<Upload><Key>${key}</Key><UploadId>${uploadId.replaceAll("&", "&amp;")}</UploadId></Upload>`,
    );
    respond(200, `<ListMultipartUploadsResult>${listed.join("")}</ListMultipartUploadsResult>`);
  }

  #complete(uploadId: string, upload: StoredUpload, xml: string, respond: Respond): [number, string] | undefined {
    const wanted = [...xml.matchAll(/<Part>([\s\S]*?)<\/Part>/g)].map(([, part = ""]) => ({
      number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
      etag: /<ETag>(?:&quot;)?([^<&]*)/.exec(part)?.[1],
      sha256: /<ChecksumSHA256>([^<]*)</.exec(part)?.[1],
    }));
    const parts = wanted.map(({ number }) => upload.parts.get(number));
    for (const [at, part] of parts.entries()) {
      const { number, etag, sha256 } = wanted[at] as (typeof wanted)[number];
      if (number !== at + 1 || !part || part.etag !== etag) return [400, "InvalidPart"];
      // "The complete request must include the checksum for each part."
      if (upload.hasChecksums && sha256 !== part.sha256) return [400, "InvalidRequest"];
      if (at < parts.length - 1 && part.bytes.byteLength < (this.options.minPartBytes ?? 0))
        return [400, "EntityTooSmall"];
    }
    if (parts.length === 0) return [400, "MalformedXML"];
    const stored = parts as StoredPart[];
    const bytes = Buffer.concat(stored.map((part) => part.bytes));
    const md5OfParts = md5(Buffer.concat(stored.map((part) => Buffer.from(part.etag, "hex"))));
    const etag = this.options.isOdd ? md5(bytes) : `${md5OfParts}-${stored.length}`;
    const sums = stored.map((part) => Buffer.from(part.sha256 ?? "", "base64"));
    const sha256 = upload.hasChecksums ? `${sha256Base64(Buffer.concat(sums))}-${stored.length}` : undefined;
    this.uploads.delete(uploadId);
    const said = this.#store(upload.key, bytes, etag, sha256);
    respond(200, `<CompleteMultipartUploadResult><ETag>&quot;${said}&quot;</ETag></CompleteMultipartUploadResult>`);
    return undefined;
  }

  #store(key: string, bytes: Buffer, md5Etag: string, sha256: string | undefined): string {
    const versions = (this.objects.get(key)?.versions ?? 0) + 1;
    const etag = this.options.isOpaque ? `${versions}-${md5Etag.slice(0, 8)}` : md5Etag;
    this.objects.set(key, { bytes, etag, sha256: this.options.isOpaque ? undefined : sha256, versions });
    return etag;
  }

  #isOld(key: string, headers: IncomingMessage["headers"]): boolean {
    return headers["if-none-match"] === "*" && this.objects.has(key);
  }

  #kept(sha256: string | undefined): string | undefined {
    return this.options.isPoor ? undefined : sha256;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

type Respond = (status: number, body: string | Buffer, headers?: Record<string, string | undefined>) => void;

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

function sha256Base64(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("base64");
}

const running = new Set<S3Server>();

/** For afterEach. */
export async function stopS3Servers(): Promise<void> {
  await Promise.all([...running].map((server) => server.close()));
}
