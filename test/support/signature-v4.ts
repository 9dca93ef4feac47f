// Checks AWS Signature Version 4 of a request as a server does: written from Amazon's "Authenticating Requests
// (AWS Signature Version 4)", not from the library that signs. Its published examples are the test of it.

import { createHash, createHmac } from "node:crypto";

export interface SignedRequest {
  method: string;
  /** As it came: path and query. */
  url: string;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Account {
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** Why a request is refused: S3's error code; undefined where its signature is right. */
export function signatureFault(request: SignedRequest, account: Account): string | undefined {
  const header = (name: string): string => String(request.headers[name] ?? "");
  const [, keyId, day = "", region, signed = "", signature] = AUTHORIZATION.exec(header("authorization")) ?? [];
  if (signature === undefined) return "AccessDenied";
  if (keyId !== account.accessKeyId) return "InvalidAccessKeyId";
  if (region !== account.region) return "AuthorizationHeaderMalformed";
  const time = header("x-amz-date");
  if (time.slice(0, 8) !== day) return "AccessDenied";
  const names = signed.split(";");
  const mustBeSigned = Object.keys(request.headers).filter((name) => name === "host" || name.startsWith("x-amz-"));
  if (mustBeSigned.some((name) => !names.includes(name))) return "AccessDenied";
  const [path = "", query = ""] = request.url.split("?");
  const canonical = [
    request.method,
    path
      .split("/")
      .map((part) => encode(decodeURIComponent(part)))
      .join("/"),
    canonicalQuery(query),
    ...names.map((name) => `${name}:${header(name).trim().replace(/ +/g, " ")}`),
    "",
    signed,
    header("x-amz-content-sha256"),
  ].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256Hex(canonical)].join("\n");
  let key: string | Buffer = `AWS4${account.secretAccessKey}`;
  for (const part of [day, region as string, "s3", "aws4_request"])
    key = createHmac("sha256", key).update(part).digest();
  return createHmac("sha256", key).update(toSign).digest("hex") === signature ? undefined : "SignatureDoesNotMatch";
}

export function sha256Hex(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function canonicalQuery(query: string): string {
  if (query === "") return "";
  const pairs = query.split("&").map((pair) => {
    const at = pair.indexOf("=");
    const [name, value] = at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
    return `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`;
  });
  return pairs.sort().join("&");
}

/** RFC 3986: everything but the unreserved characters. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const c = String.fromCharCode(byte);
      return /[A-Za-z0-9\-._~]/.test(c) ? c : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
