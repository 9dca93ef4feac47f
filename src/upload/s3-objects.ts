// What an upload asks of S3: put, multipart, list, head. Amazon S3 API Reference; what other servers leave out
// (ListParts, checksums) is told by their answers and never needed.

import { MEDIA_TYPES } from "../container/media-types.js";
import { blocksOf, encodeKey, failureOf, S3Failure, type S3Sender, textOf } from "./s3-request.js";

/** A part that the server has. */
export interface Part {
  readonly number: number;
  readonly etag: string;
  /** Base64; undefined where the server keeps none. */
  readonly sha256?: string | undefined;
}

export interface ListedPart extends Part {
  readonly sizeBytes: number;
}

export interface ObjectHead {
  readonly sizeBytes: number;
  readonly etag: string;
  /** As S3 has it: base64, of a multipart object that of its parts' hashes with `-N` behind. */
  readonly sha256: string | undefined;
}

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
}

export class S3Objects {
  constructor(
    private readonly sender: S3Sender,
    /** The server keeps SHA-256 checksums with the object. */
    private readonly keepsChecksums: boolean,
  ) {}

  /** Throws S3Failure 412 where the object is there and `mustBeNew`; servers that do not know that write over it. */
  async put(key: string, body: Uint8Array, sha256: Buffer, mustBeNew = false): Promise<string> {
    const headers = { "Content-Type": contentType(key), ...this.#checksum(sha256), ...onlyNew(mustBeNew) };
    return etagOf(await this.sender.send({ method: "PUT", key, headers, body, sha256 }));
  }

  async create(key: string): Promise<string> {
    const algorithm: Record<string, string> = this.keepsChecksums ? { "X-Amz-Checksum-Algorithm": "SHA256" } : {};
    const headers = { "Content-Type": contentType(key), ...algorithm };
    const { body } = await this.sender.send({ method: "POST", key, query: "uploads=", headers });
    const uploadId = textOf(body, "UploadId");
    if (!uploadId) throw new S3Failure("the server began an upload without an UploadId", 0, "noUploadId");
    return uploadId;
  }

  async putPart(key: string, uploadId: string, number: number, body: Uint8Array, sha256: Buffer): Promise<Part> {
    const query = `partNumber=${number}&uploadId=${encodeURIComponent(uploadId)}`;
    const headers = this.#checksum(sha256);
    const etag = etagOf(await this.sender.send({ method: "PUT", key, query, headers, body, sha256 }));
    return { number, etag, sha256: sha256.toString("base64") };
  }

  /** Throws S3Failure 404 where the upload is not (or no longer) there. */
  async listParts(key: string, uploadId: string): Promise<ListedPart[]> {
    const parts: ListedPart[] = [];
    for (let marker = "0"; ; ) {
      const query = `part-number-marker=${marker}&uploadId=${encodeURIComponent(uploadId)}`;
      const { body } = await this.sender.send({ method: "GET", key, query });
      // A server without ListParts answers with the object, or with nothing.
      if (!body.includes("ListPartsResult")) throw new S3Failure("the server lists no parts", 501, "NotImplemented");
      for (const block of blocksOf(body, "Part"))
        parts.push({
          number: Number(textOf(block, "PartNumber")),
          etag: unquoted(textOf(block, "ETag")),
          sizeBytes: Number(textOf(block, "Size")),
          sha256: textOf(block, "ChecksumSHA256"),
        });
      const next = textOf(body, "NextPartNumberMarker");
      if (textOf(body, "IsTruncated") !== "true" || !next || next === marker) return parts;
      marker = next;
    }
  }

  /** Uploads of this very key that nobody has completed, oldest first. */
  async listUploads(key: string): Promise<OpenUpload[]> {
    const query = `prefix=${encodeKey(key).replaceAll("/", "%2F")}&uploads=`;
    const { body } = await this.sender.send({ method: "GET", query });
    return blocksOf(body, "Upload").flatMap((block) => {
      const [found, uploadId] = [textOf(block, "Key"), textOf(block, "UploadId")];
      return found === key && uploadId ? [{ key, uploadId }] : [];
    });
  }

  /** Returns the object's ETag. S3 may say no behind a status of 200. `mustBeNew` as of `put`. */
  async complete(key: string, uploadId: string, parts: readonly Part[], mustBeNew = false): Promise<string> {
    const list = parts.map(({ number, etag, sha256 }) => {
      const checksum = this.keepsChecksums && sha256 ? `<ChecksumSHA256>${sha256}</ChecksumSHA256>` : "";
      return `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${etag}&quot;</ETag>${checksum}</Part>`;
    });
    const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`;
    const query = `uploadId=${encodeURIComponent(uploadId)}`;
    const headers = { "Content-Type": "application/xml", ...onlyNew(mustBeNew) };
    const answer = await this.sender.send({ method: "POST", key, query, headers, body: Buffer.from(xml) });
    const etag = textOf(answer.body, "ETag");
    if (etag === undefined) throw failureOf({ status: 500, body: answer.body });
    return unquoted(etag);
  }

  /** One that is not there is aborted already, and a server that cannot abort keeps it. */
  async abort(key: string, uploadId: string): Promise<void> {
    const query = `uploadId=${encodeURIComponent(uploadId)}`;
    await this.sender.send({ method: "DELETE", key, query }, [404, 405, 501]);
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const headers = { ...(this.keepsChecksums && { "X-Amz-Checksum-Mode": "ENABLED" }) };
    const answer = await this.sender.send({ method: "HEAD", key, headers }, [400, 404]);
    if (answer.status === 404) return undefined;
    // The answer to HEAD has no text: that to GET says what is wrong with the request.
    if (answer.status === 400) await this.sender.send({ method: "GET", key, headers: { Range: "bytes=0-0" } });
    if (answer.status === 400) throw failureOf(answer);
    const { "content-length": length, etag, "x-amz-checksum-sha256": sha256 } = answer.headers;
    return { sizeBytes: Number(length), etag: unquoted(etag), sha256: typeof sha256 === "string" ? sha256 : undefined };
  }

  #checksum(sha256: Buffer): Record<string, string> {
    return this.keepsChecksums ? { "X-Amz-Checksum-Sha256": sha256.toString("base64") } : {};
  }
}

function onlyNew(mustBeNew: boolean): Record<string, string> {
  return mustBeNew ? { "If-None-Match": "*" } : {};
}

function etagOf({ headers }: { headers: { etag?: string } }): string {
  const etag = unquoted(headers.etag);
  if (etag === "") throw new S3Failure("the server took a body and named no ETag", 0, "noEtag");
  return etag;
}

function unquoted(etag = ""): string {
  return etag.replace(/^"|"$/g, "");
}

function contentType(key: string): string {
  const types: Readonly<Record<string, string>> = MEDIA_TYPES;
  return types[key.slice(key.lastIndexOf(".") + 1)] ?? "application/octet-stream";
}
