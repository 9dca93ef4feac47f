// Credentials for an RTSP server: Basic (RFC 7617) and Digest (RFC 2617 and 7616: MD5 and SHA-256, with and without
// qop). A server asks with 401; from then on every request is answered for before it is asked about again.

import { createHash, randomBytes } from "node:crypto";

type Algorithm = "MD5" | "SHA-256";

interface Digest {
  scheme: "digest";
  realm: string;
  nonce: string;
  opaque: string | undefined;
  /** As the server writes it; undefined where it names none. */
  algorithmName: string | undefined;
  algorithm: Algorithm;
  isSession: boolean;
  hasQop: boolean;
  isStale: boolean;
}
type Challenge = Digest | { scheme: "basic" };

const PARAMETER = /([a-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/gi;
/** What a server may say of itself. */
const MAX_CHALLENGE = 4096;
/** Of it, in what we say. */
const MAX_SHOWN = 64;
const NODE_NAMES = { MD5: "md5", "SHA-256": "sha256" } as const;

export class Authentication {
  readonly #user: string;
  readonly #password: string;
  readonly #mayShowPassword: boolean;
  readonly #cnonce: string;
  #challenge: Challenge | undefined;
  #nonceCount = 0;
  /** Nonces that this server has refused an answer to. */
  #refused = 0;

  /** `mayShowPassword`: Basic shows it to the server, and to whoever listens. */
  constructor(user: string, password: string, mayShowPassword = true, cnonce = randomBytes(8).toString("hex")) {
    this.#user = user;
    this.#password = password;
    this.#mayShowPassword = mayShowPassword;
    this.#cnonce = cnonce;
  }

  /**
   * Takes the challenges of a 401. `wasAnswered`: the request had an answer with it. Returns why there is no use in
   * asking again; undefined where there is.
   */
  challenged(challenges: readonly string[], wasAnswered: boolean): string | undefined {
    const best = strongest(challenges);
    if (best === undefined)
      return `the server asks for credentials in a way that is not supported: ${shown(challenges)}; Digest (MD5, SHA-256) and Basic are`;
    if (best.scheme === "basic" && !this.#mayShowPassword)
      return "another host than the source's asks for the password in plain text";
    if (this.#user === "" && this.#password === "")
      return `the server asks for credentials (${nameOf(best)}): give user:password@ in the URI`;
    const last = this.#challenge;
    const isNew = best.scheme === "digest" && (best.isStale || last?.scheme !== "digest" || last.nonce !== best.nonce);
    // A nonce may run out between any two requests; a password that is wrong stays wrong.
    if (wasAnswered && (!isNew || ++this.#refused > 1))
      return `the server refuses the user and password of the URI (${nameOf(best)})`;
    this.#challenge = best;
    this.#nonceCount = 0;
    return undefined;
  }

  /** A request was taken. */
  accepted(): void {
    this.#refused = 0;
  }

  /** The Authorization header of a request; undefined where none was asked for. */
  answer(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    if (challenge.scheme === "basic")
      return `Basic ${Buffer.from(`${this.#user}:${this.#password}`).toString("base64")}`;
    return this.#answerDigest(challenge, method, uri);
  }

  #answerDigest(digest: Digest, method: string, uri: string): string {
    const { realm, nonce, opaque, algorithm, algorithmName, isSession, hasQop } = digest;
    const hash = (text: string): string => createHash(NODE_NAMES[algorithm]).update(text).digest("hex");
    const cnonce = this.#cnonce;
    const secret = hash(`${this.#user}:${realm}:${this.#password}`);
    const ha1 = isSession ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
    const ha2 = hash(`${method}:${uri}`);
    const count = (++this.#nonceCount).toString(16).padStart(8, "0");
    const response = hash(hasQop ? `${ha1}:${nonce}:${count}:${cnonce}:auth:${ha2}` : `${ha1}:${nonce}:${ha2}`);
    const parts = [
      `username="${quoted(this.#user)}"`,
      `realm="${quoted(realm)}"`,
      `nonce="${quoted(nonce)}"`,
      `uri="${quoted(uri)}"`,
      `response="${response}"`,
    ];
    if (algorithmName !== undefined) parts.push(`algorithm=${algorithmName}`);
    if (opaque !== undefined) parts.push(`opaque="${quoted(opaque)}"`);
    if (hasQop) parts.push("qop=auth", `nc=${count}`);
    if (hasQop || isSession) parts.push(`cnonce="${cnonce}"`);
    return `Digest ${parts.join(", ")}`;
  }
}

/** For people: what kind of credentials a server wants, and for what. */
function nameOf(challenge: Challenge): string {
  if (challenge.scheme === "basic") return "Basic";
  return `Digest ${challenge.algorithm}, realm ${shown([challenge.realm])}`;
}

function shown(texts: readonly string[]): string {
  return JSON.stringify(texts.join(", ").slice(0, MAX_SHOWN));
}

/** Of several challenges, also in one header: SHA-256 before MD5 before Basic. */
function strongest(headers: readonly string[]): Challenge | undefined {
  const rank = (challenge: Challenge): number =>
    challenge.scheme === "basic" ? 0 : challenge.algorithm === "MD5" ? 1 : 2;
  return headers
    .flatMap((header) => header.slice(0, MAX_CHALLENGE).split(/(?:^|,)\s*(?=(?:basic|digest)\b(?!\s*=))/i))
    .map(parseChallenge)
    .filter((challenge) => challenge !== undefined)
    .sort((a, b) => rank(b) - rank(a))[0];
}

function parseChallenge(text: string): Challenge | undefined {
  const scheme = /^\s*(basic|digest)\b/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "basic") return { scheme };
  if (scheme !== "digest") return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = "", quotedValue, plain = ""] of text.slice("digest".length).matchAll(PARAMETER))
    parameters.set(name.toLowerCase(), quotedValue === undefined ? plain : quotedValue.replace(/\\(.)/g, "$1"));
  const algorithmName = parameters.get("algorithm");
  const [, algorithm, session] = /^(MD5|SHA-256)(-sess)?$/i.exec(algorithmName ?? "MD5") ?? [];
  const qops = parameters
    .get("qop")
    ?.split(",")
    .map((qop) => qop.trim().toLowerCase());
  if (algorithm === undefined || (qops && !qops.includes("auth") && !qops.includes(""))) return undefined;
  return {
    scheme,
    realm: parameters.get("realm") ?? "",
    nonce: parameters.get("nonce") ?? "",
    opaque: parameters.get("opaque"),
    algorithmName,
    algorithm: algorithm.toUpperCase() as Algorithm,
    isSession: session !== undefined,
    hasQop: qops?.includes("auth") ?? false,
    isStale: parameters.get("stale")?.toLowerCase() === "true",
  };
}

function quoted(text: string): string {
  return text.replace(/["\\]/g, "\\$&");
}
