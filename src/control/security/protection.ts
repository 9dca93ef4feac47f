// Who may talk to the control interface (design.md §5). Loopback alone is no protection: any web page can make a
// browser send `GET /record…` to 127.0.0.1.
//
// * Host must be an address, `localhost`, or a configured name: a page cannot rebind its own name to us.
// * Origin must be our own or a configured one; Sec-Fetch-Site must not be of another site; where a browser sends
// neither, Referer must be ours.
// * Viewers, who have credentials of their own, may read routes (GET) and nothing else.
// * Off loopback HTTP and WebSocket need a token or Basic credentials, and the TCP listeners, whose clients cannot log
// in, a list of addresses.

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import { ReelError } from "../../base/reel-error.js";
import { isLoopback } from "./loopback.js";

export interface Credentials {
  /** For `Authorization: Bearer`, or as the password of Basic. */
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export interface HttpCredentials extends Credentials {
  /** Who may look and play, and nothing else. */
  readonly viewers?: readonly Credentials[] | undefined;
}

export interface HttpProtection extends HttpCredentials {
  /** Names, besides addresses and localhost, under which the server may be addressed. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Origins of web pages that may use the interface, as `https://host:port`. */
  readonly allowOrigins?: readonly string[] | undefined;
}

export interface Refusal {
  readonly status: 401 | 403;
  readonly reason: string;
}

/** Throws ReelError `badArgument` where the network could reach a listener without credentials. */
export function requireHttpProtection(host: string, credentials: HttpCredentials): void {
  const { viewers = [] } = credentials;
  if (viewers.some((viewer) => !isComplete(viewer)))
    throw new ReelError("badArgument", "each of control.viewers has a token, or user and password");
  if (isComplete(credentials)) return;
  // Without credentials of its own everybody is its owner.
  if (viewers.length > 0)
    throw new ReelError(
      "badArgument",
      "control.viewers keeps nobody out by itself: set control.token, or control.user and control.password",
    );
  const { user, password } = credentials;
  // Half of a pair protects nothing, but its author would believe that it does.
  if (isLoopback(host) && (user || password))
    throw new ReelError("badArgument", "control.user and control.password go together: set both or none");
  if (isLoopback(host)) return;
  throw new ReelError(
    "badArgument",
    `HTTP and WebSocket on ${host} would be open to the network: set control.token, or control.user and control.password, or listen on 127.0.0.1`,
  );
}

export function requireAddressList(listener: string, host: string, allow: readonly string[] | undefined): void {
  if (isLoopback(host) || (allow && allow.length > 0)) return;
  throw new ReelError(
    "badArgument",
    `${listener} on ${host} would be open to the network: set control.allowAddresses to the addresses of its clients, or listen on 127.0.0.1`,
  );
}

/** Compares in constant time, so that the time does not tell how much was right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function parseBasic(encoded: string): { user: string; password: string } | undefined {
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function isComplete({ token, user, password }: Credentials): boolean {
  return Boolean(token || (user && password));
}

function isShown(header: string | undefined, { token, user, password }: Credentials): boolean {
  const [, scheme = "", value = ""] = /^(\S+)\s+(.*)$/.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return token ? isSame(value.trim(), token) : false;
  if (scheme.toLowerCase() !== "basic") return false;
  const given = parseBasic(value);
  if (!given) return false;
  // Both are always compared, so that the time does not tell which was wrong.
  const isUser = user ? isSame(given.user, user) : false;
  const isPassword = password ? isSame(given.password, password) : false;
  const isToken = token ? isSame(given.password, token) : false;
  return (isUser && isPassword) || isToken;
}

/** The name or address in a Host header or an authority, without port and brackets. */
function hostName(authority: string): string | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^:/?#@[\]\s]+))(?::\d{1,5})?$/i.exec(authority);
  return (parts?.[1] ?? parts?.[2])?.toLowerCase().replace(/\.$/, "");
}

function authorityOf(url: string): string | undefined {
  try {
    return new URL(url).host;
  } catch {
    return undefined;
  }
}

export class RequestGuard {
  #credentials: HttpCredentials;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor(protection: HttpProtection) {
    this.#credentials = protection;
    this.#hosts = new Set((protection.allowHosts ?? []).map((host) => host.toLowerCase()));
    this.#origins = new Set((protection.allowOrigins ?? []).map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  }

  setCredentials(credentials: HttpCredentials): void {
    this.#credentials = credentials;
  }

  /**
   * Says why a request or an upgrade is refused; undefined where it may pass. `onlyReads`: it is one that viewers may
   * send.
   */
  check(headers: IncomingHttpHeaders, onlyReads: boolean): Refusal | undefined {
    const site = this.#checkSite(headers);
    if (site !== undefined) return { status: 403, reason: site };
    const { viewers = [] } = this.#credentials;
    const { authorization } = headers;
    // All are always compared, so that the time does not tell whose they are.
    const isOwner = !isComplete(this.#credentials) || isShown(authorization, this.#credentials);
    const isViewer = viewers.reduce((found, viewer) => isShown(authorization, viewer) || found, false);
    if (isOwner || (isViewer && onlyReads)) return undefined;
    return isViewer
      ? { status: 403, reason: "Viewers may look and play, and nothing else" }
      : { status: 401, reason: "Credentials are needed: a token (Authorization: Bearer) or Basic" };
  }

  #checkSite(headers: IncomingHttpHeaders): string | undefined {
    const { host, origin, referer } = headers;
    // HTTP/1.0 clients may leave Host out; browsers never do.
    if (host !== undefined && !this.#isKnownHost(host))
      return "Host is not known here; add its name to control.allowHosts";
    if (origin !== undefined) {
      if (this.#origins.has(origin.toLowerCase())) return undefined;
      if (host === undefined || authorityOf(origin) !== authorityOf(`http://${host}`))
        return "Origin is another site; add it to control.allowOrigins";
    }
    const site = headers["sec-fetch-site"];
    if (site !== undefined)
      return site === "same-origin" || site === "none" ? undefined : "Requests of other sites are refused";
    if (
      origin === undefined &&
      referer !== undefined &&
      host !== undefined &&
      authorityOf(referer) !== authorityOf(`http://${host}`)
    ) {
      return "Referer is another site";
    }
    return undefined;
  }

  #isKnownHost(host: string): boolean {
    const name = hostName(host);
    return name !== undefined && (isIP(name) !== 0 || name === "localhost" || this.#hosts.has(name));
  }
}

/** Addresses and networks (`10.0.0.0/8`) that may use a TCP listener. Loopback always may. */
export class AddressGuard {
  readonly #list = new BlockList();

  constructor(allow: readonly string[] = []) {
    for (const entry of allow) {
      const [address = "", prefix] = entry.split("/");
      const family = isIP(address);
      const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
      if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
        throw new ReelError(
          "badArgument",
          `control.allowAddresses: ${entry} is no address and no network such as 10.0.0.0/8`,
        );
      }
      this.#list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
    }
  }

  allows(remoteAddress: string | undefined): boolean {
    if (remoteAddress === undefined) return false;
    const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/i, "");
    return isLoopback(address) || this.#list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
  }
}
