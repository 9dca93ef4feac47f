// Who has logged in at the login page: a cookie that scripts cannot read and other sites cannot send names a session in
// this process. A restart ends them all, as does a change of the credentials that began them.

import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../time/units.js";
import { type Credentials, type Holder, type HttpCredentials, isComplete, type Role } from "./credentials.js";

/** Without a request for so long, a session is over. */
export const SESSION_IDLE_MS = 12 * 3_600_000;
/** The oldest gives way. */
const MAX_SESSIONS = 1000;
/** Beginning of the cookie's name. */
export const COOKIE = "reel_session";

interface LoginSession {
  readonly role: Role;
  readonly of: string;
  usedMs: number;
}

export class LoginSessions {
  /** By the hash of what the cookie holds, in the order of their beginnings. */
  readonly #sessions = new Map<string, LoginSession>();

  constructor(private readonly clock: Pick<Clock, "monotonicMs">) {}

  /** Answers what the cookie holds. */
  begin({ role, credentials }: Holder): string {
    const id = randomBytes(32).toString("base64url");
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size >= MAX_SESSIONS && oldest !== undefined) this.#sessions.delete(oldest);
    this.#sessions.set(hashOf(id), { role, of: markOf(role, credentials), usedMs: this.clock.monotonicMs() });
    return id;
  }

  roleOf(id: string): Role | undefined {
    const key = hashOf(id);
    const session = this.#sessions.get(key);
    if (!session) return undefined;
    const nowMs = this.clock.monotonicMs();
    if (nowMs - session.usedMs > SESSION_IDLE_MS) {
      this.#sessions.delete(key);
      return undefined;
    }
    session.usedMs = nowMs;
    return session.role;
  }

  end(id: string): void {
    this.#sessions.delete(hashOf(id));
  }

  /** Ends the sessions whose credentials are no longer among these. */
  keepOnly(all: HttpCredentials): void {
    const marks = new Set((all.viewers ?? []).map((viewer) => markOf("viewer", viewer)));
    if (isComplete(all)) marks.add(markOf("owner", all));
    for (const [key, { of }] of this.#sessions) if (!marks.has(of)) this.#sessions.delete(key);
  }
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

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}

function markOf(role: Role, { token, user, password }: Credentials): string {
  return hashOf(JSON.stringify([role, token, user, password]));
}
