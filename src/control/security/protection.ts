// Who may talk to the control interface (design.md §5). Loopback alone is no protection: any web page can make a
// browser send `GET /record…` to 127.0.0.1.
//
// * Host must be an address, `localhost`, or a configured name: a page cannot rebind its own name to us.
// * Origin must be our own or a configured one; Sec-Fetch-Site must not be of another site; where a browser sends
// neither, Referer must be ours.
// * Viewers, who have credentials of their own, may read routes (GET), listen to events, and nothing else.
// * What is wrong is counted by address, and makes it wait (wrong-credentials.ts).
// * A browser that has logged in shows a cookie (login-sessions.ts). Another port of its host is no other site to it,
// so what a cookie is to change needs a header besides that a page of another origin cannot send. On pages it goes
// before the Basic credentials that the browser may keep, which nobody there has chosen.
// * Off loopback HTTP and WebSocket need a token or Basic credentials, and the TCP listeners, whose clients cannot log
// in, a list of addresses.

import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIP } from "node:net";
import { type Logger, silentLogger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import { type Clock, systemClock } from "../../time/units.js";
import {
  type Credentials,
  type HttpCredentials,
  isComplete,
  markOf,
  marksOf,
  parseAuthorization,
  type Role,
} from "./credentials.js";
import { cookieName, cookieValue, LoginSessions, sessionKey } from "./login-sessions.js";
import { isLoopback } from "./loopback.js";
import { type Wait, WrongCredentials } from "./wrong-credentials.js";

export interface HttpProtection extends HttpCredentials {
  /** Names, besides addresses and localhost, under which the server may be addressed. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Origins of web pages that may use the interface, as `https://host:port`. */
  readonly allowOrigins?: readonly string[] | undefined;
}

export interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly reason: string;
  /** When to come again (Retry-After). */
  readonly waitSeconds?: number;
}

/** Who may pass. */
export interface Passage {
  readonly role: Role;
  /** What it stands on where credentials are needed: their mark, or the session that they began. */
  readonly by?: { readonly mark: string } | { readonly session: string };
}

export interface GuardOptions {
  readonly clock?: Pick<Clock, "monotonicMs">;
  readonly logger?: Logger;
  /** The listener serves TLS: a page that came without is another site. */
  readonly isSecure?: boolean;
}

/**
 * What a request is: `page`: a file of the dashboard, which holds nothing of the server; `login`: who is logged in;
 * `read`: a route that changes nothing; `channel`: the WebSocket; `change`: everything else.
 */
export type Wish = "page" | "login" | "read" | "channel" | "change";

/** The dashboard sends it with everything. Another origin would have to ask first, and is refused. */
export const OWN_HEADER = "reel-request";

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

/** The name or address in a Host header or an authority, without port and brackets. */
function hostName(authority: string): string | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^:/?#@[\]\s]+))(?::\d{1,5})?$/i.exec(authority);
  return (parts?.[1] ?? parts?.[2])?.toLowerCase().replace(/\.$/, "");
}

function parseUrl(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

export class RequestGuard {
  readonly #sessions: LoginSessions;
  readonly #mistakes: WrongCredentials;
  readonly #watchers: (() => void)[] = [];
  readonly #isSecure: boolean;
  #credentials: HttpCredentials;
  #marks: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor(
    protection: HttpProtection,
    { clock = systemClock, logger = silentLogger, isSecure = false }: GuardOptions = {},
  ) {
    this.#sessions = new LoginSessions(clock);
    this.#mistakes = new WrongCredentials(clock, logger);
    this.#isSecure = isSecure;
    this.#credentials = protection;
    this.#marks = marksOf(protection);
    this.#hosts = new Set((protection.allowHosts ?? []).map((host) => host.toLowerCase()));
    this.#origins = new Set((protection.allowOrigins ?? []).map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  }

  setCredentials(credentials: HttpCredentials): void {
    this.#credentials = credentials;
    this.#marks = marksOf(credentials);
    this.#sessions.keepOnly(this.#marks);
    this.#tellEnd();
  }

  /** Called when something ended that passages may stand on. */
  whenEnded(watcher: () => void): void {
    this.#watchers.push(watcher);
  }

  /** Without credentials of its own everybody is the server's owner. */
  get needsLogin(): boolean {
    return isComplete(this.#credentials);
  }

  /** Who sends a request, or why it is refused. `address` is the far one of its connection. */
  check(headers: IncomingHttpHeaders, wish: Wish, method = "GET", address?: string): Passage | Refusal {
    // A link to the dashboard may stand anywhere.
    const fault = wish === "page" ? this.#checkHost(headers.host) : this.#checkSite(headers);
    if (fault !== undefined) return { status: 403, reason: fault };
    if (wish === "page" || wish === "login" || !this.needsLogin) return { role: "owner" };
    const shown = parseAuthorization(headers.authorization);
    const session = sessionOf(headers);
    const bySession = !shown || isFromPage(headers, wish, shown) ? this.#sessions.use(session) : undefined;
    if (bySession) return allow({ role: bySession, by: { session } }, wish, mayBeForeign(headers, wish, method));
    const holder = shown && this.#mistakes.holderOf(shown, this.#credentials, address);
    if (!shown || !holder)
      return { status: 401, reason: "Credentials are needed: a token (Authorization: Bearer) or Basic" };
    if ("waitMs" in holder) return tooManyMistakes(holder);
    return allow({ role: holder.role, by: { mark: markOf(holder) } }, wish, mayBeLink(headers, wish, shown));
  }

  /**
   * False where what a passage stands on has ended since: a session, or credentials that are no longer configured.
   * `isUse`: a command came by it, so that its session begins to stand idle anew.
   */
  stillHolds({ by }: Passage, isUse = false): boolean {
    if (!by) return !this.needsLogin;
    if ("mark" in by) return this.#marks.has(by.mark);
    return isUse ? this.#sessions.use(by.session) !== undefined : this.#sessions.isOpen(by.session);
  }

  /** Who is logged in, by whatever a request shows. */
  roleOf(headers: IncomingHttpHeaders, address?: string): Role | undefined {
    const passage = this.check(headers, "read", "GET", address);
    return "role" in passage ? passage.role : undefined;
  }

  /** Begins a session, in place of the one that the browser has; undefined where the credentials are not right. */
  logIn(
    shown: Credentials,
    headers: IncomingHttpHeaders,
    address?: string,
  ): { role: Role; session: string } | Refusal | undefined {
    const holder = this.#mistakes.holderOf(shown, this.#credentials, address);
    if (!holder) return undefined;
    if ("waitMs" in holder) return tooManyMistakes(holder);
    const session = this.#sessions.begin(holder);
    this.logOut(headers);
    return { role: holder.role, session };
  }

  logOut(headers: IncomingHttpHeaders): void {
    this.#sessions.end(sessionOf(headers));
    this.#tellEnd();
  }

  #tellEnd(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #checkHost(host: string | undefined): string | undefined {
    // HTTP/1.0 clients may leave Host out; browsers never do.
    return host === undefined || this.#isKnownHost(host)
      ? undefined
      : "Host is not known here; add its name to control.allowHosts";
  }

  #checkSite(headers: IncomingHttpHeaders): string | undefined {
    const { host, origin, referer } = headers;
    const unknown = this.#checkHost(host);
    if (unknown !== undefined) return unknown;
    if (origin !== undefined) {
      if (this.#origins.has(origin.toLowerCase())) return undefined;
      if (host === undefined || !this.#isOwn(origin, host))
        return "Origin is another site; add it to control.allowOrigins";
    }
    const site = headers["sec-fetch-site"];
    if (site !== undefined)
      return site === "same-origin" || site === "none" ? undefined : "Requests of other sites are refused";
    if (origin === undefined && referer !== undefined && host !== undefined && !this.#isOwn(referer, host))
      return "Referer is another site";
    return undefined;
  }

  /** A proxy may add TLS to a listener without, but none takes it away: there a page without TLS is a forger's. */
  #isOwn(url: string, host: string): boolean {
    const from = parseUrl(url);
    if (!from || (this.#isSecure && from.protocol !== "https:")) return false;
    // Each without the port that its scheme has by default.
    return from.host === parseUrl(`${this.#isSecure ? "https" : "http"}://${host}`)?.host;
  }

  #isKnownHost(host: string): boolean {
    const name = hostName(host);
    return name !== undefined && (isIP(name) !== 0 || name === "localhost" || this.#hosts.has(name));
  }
}

function sessionOf({ host, cookie }: IncomingHttpHeaders): string {
  return sessionKey(cookieValue(cookie, cookieName(host)) ?? "");
}

/**
 * True where Basic credentials were added by a browser that keeps them, and the cookie is what its user has chosen. A
 * change needs our header, which a cookie needs as well: without it the credentials are a program's.
 */
function isFromPage({ origin, [OWN_HEADER]: own }: IncomingHttpHeaders, wish: Wish, shown: Credentials): boolean {
  return shown.user !== undefined && (own !== undefined || (origin !== undefined && wish !== "change"));
}

function allow(passage: Passage, wish: Wish, fault: string | undefined): Passage | Refusal {
  if (passage.role === "viewer" && wish === "change")
    return { status: 403, reason: "Viewers may look and play, and nothing else" };
  return fault === undefined ? passage : { status: 403, reason: fault };
}

function tooManyMistakes({ waitMs }: Wait): Refusal {
  const waitSeconds = Math.ceil(waitMs / 1000);
  const reason = `Too many wrong credentials came from this address: try again in ${waitSeconds} s`;
  return { status: 429, reason, waitSeconds };
}

/** Why a request with a session's cookie may come from another port of this host. */
function mayBeForeign(
  { origin, [OWN_HEADER]: own }: IncomingHttpHeaders,
  wish: Wish,
  method: string,
): string | undefined {
  // Origin, which has been compared, is in every upgrade that a browser sends.
  if (wish === "channel") return origin === undefined ? "The upgrade has no Origin" : undefined;
  if (wish !== "change" || (own !== undefined && method !== "GET" && method !== "HEAD")) return undefined;
  return `A logged-in browser changes nothing by GET, nor without the header ${OWN_HEADER}`;
}

/**
 * Browsers send the Basic credentials that they were once given with any link, and at a plain-HTTP address of the
 * network nothing that tells whose it was, if the page wants that. No other client calls itself Mozilla and names a
 * language.
 */
function mayBeLink(headers: IncomingHttpHeaders, wish: Wish, shown: Credentials): string | undefined {
  const { origin, referer, "sec-fetch-site": site, "user-agent": agent = "" } = headers;
  const isTold = origin !== undefined || referer !== undefined || site !== undefined;
  const isBasic = shown.user !== undefined;
  const isBrowser = agent.startsWith("Mozilla/") && headers["accept-language"] !== undefined;
  if (wish !== "change" || isTold || !isBasic || !isBrowser) return undefined;
  return "A browser sends commands from a page of this server, not by a link: open the dashboard at /";
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
