// Credentials of HTTP: whose they are that a request shows, in `Authorization` or in the form of the login page. All
// are compared, each in constant time, so that the time does not tell how much was right, or whose they are.

import { createHash, timingSafeEqual } from "node:crypto";

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

/** Owners may do all; viewers look and play. */
export type Role = "owner" | "viewer";

export interface Holder {
  readonly role: Role;
  readonly credentials: Credentials;
}

export function isComplete({ token, user, password }: Credentials): boolean {
  return Boolean(token || (user && password));
}

/** Undefined where nobody has shown these. */
export function holderOf(shown: Credentials | undefined, all: HttpCredentials): Holder | undefined {
  const isOwner = isShown(shown, all);
  const viewer = (all.viewers ?? []).reduce<Credentials | undefined>(
    (found, candidate) => (isShown(shown, candidate) ? candidate : found),
    undefined,
  );
  if (isOwner) return { role: "owner", credentials: all };
  return viewer && { role: "viewer", credentials: viewer };
}

/** Tells credentials of one role from others, also where a configuration has changed in between. */
export function markOf({ role, credentials: { token, user, password } }: Holder): string {
  return digest(JSON.stringify([role, token, user, password])).toString("base64");
}

/** Of all that are configured. */
export function marksOf(all: HttpCredentials): ReadonlySet<string> {
  const viewers = (all.viewers ?? []).map((credentials) => markOf({ role: "viewer", credentials }));
  return new Set(isComplete(all) ? [...viewers, markOf({ role: "owner", credentials: all })] : viewers);
}

/** What an `Authorization` header shows. */
export function parseAuthorization(header: string | undefined): Credentials | undefined {
  const [, scheme = "", value = ""] = /^(\S+)\s+(.*)$/.exec(header ?? "") ?? [];
  if (scheme.toLowerCase() === "bearer") return { token: value.trim() };
  return scheme.toLowerCase() === "basic" ? parseBasic(value) : undefined;
}

function parseBasic(encoded: string): Credentials | undefined {
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The password may be the token. */
function isShown(shown: Credentials | undefined, { token, user, password }: Credentials): boolean {
  if (!shown) return false;
  const isUser = user ? isSame(shown.user, user) : false;
  const isPassword = password ? isSame(shown.password, password) : false;
  const isToken = token ? isSame(shown.token ?? shown.password, token) : false;
  return (isUser && isPassword) || isToken;
}

function isSame(given: string | undefined, expected: string): boolean {
  return timingSafeEqual(digest(given ?? ""), digest(expected)) && given !== undefined;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
