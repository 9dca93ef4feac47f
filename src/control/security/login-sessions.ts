// Who has logged in at the login page: a cookie that scripts cannot read and other sites cannot send names a session in
// this process. A restart ends them all, as does a change of the credentials that began them.

import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../time/units.js";
import { type Holder, markOf, type Role } from "./credentials.js";

/** Without a request for so long, a session is over. */
export const SESSION_IDLE_MS = 12 * 3_600_000;
/** However much it is used: a cookie that was stolen does not open for ever. */
export const SESSION_LIFE_MS = 30 * 24 * 3_600_000;
/** Of one person's credentials; the one that was not used for longest gives way. Others' sessions never do. */
const MAX_SESSIONS_EACH = 100;
/** Beginning of the cookie's name. */
export const COOKIE = "reel_session";

interface LoginSession {
  readonly role: Role;
  /** The mark of the credentials that began it. */
  readonly of: string;
  readonly beganMs: number;
  usedMs: number;
}

export class LoginSessions {
  /** By the hash of what the cookie holds, in the order of their last use. */
  readonly #sessions = new Map<string, LoginSession>();

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  /** Answers what the cookie holds. */
  begin(holder: Holder): string {
    const id = randomBytes(32).toString("base64url");
    const of = markOf(holder);
    const own = [...this.#sessions].filter(([, session]) => session.of === of);
    const [unused] = own[0] ?? [];
    if (own.length >= MAX_SESSIONS_EACH && unused !== undefined) this.#sessions.delete(unused);
    const nowMs = this.clock.monotonicMs();
    this.#sessions.set(sessionKey(id), { role: holder.role, of, beganMs: nowMs, usedMs: nowMs });
    return id;
  }

  /** Whose session it is; it begins to stand idle anew. */
  use(key: string): Role | undefined {
    const session = this.#find(key);
    if (!session) return undefined;
    session.usedMs = this.clock.monotonicMs();
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    return session.role;
  }

  /** A look that keeps no session from ending. */
  isOpen(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  end(key: string): void {
    this.#sessions.delete(key);
  }

  /** Ends the sessions whose credentials are no longer among these. */
  keepOnly(marks: ReadonlySet<string>): void {
    for (const [key, { of }] of this.#sessions) if (!marks.has(of)) this.#sessions.delete(key);
  }

  #find(key: string): LoginSession | undefined {
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - session.usedMs <= SESSION_IDLE_MS && nowMs - session.beganMs <= SESSION_LIFE_MS) return session;
    this.#sessions.delete(key);
    return undefined;
  }
}

/** By what a session is known here: a hash of what the cookie holds. */
export function sessionKey(id: string): string {
  return createHash("sha256").update(id).digest("base64");
}

/** Browsers share cookies among the ports of a host: servers on several ports each have their own. */
export function cookieName(host: string | undefined): string {
  const [, port] = /:(\d{1,5})$/.exec(host ?? "") ?? [];
  return port === undefined ? COOKIE : `${COOKIE}_${port}`;
}

/** The value of a cookie (RFC 6265 §5.4). */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
