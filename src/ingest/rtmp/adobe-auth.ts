// How Flash Media Server, Wowza and their kind ask an RTMP client for a name and a password (`authmod=adobe`): connect
// is refused with a challenge in its description, the answer stands in the query of the next connect's application.
//
//   connect app ─▶ "… code=403 need auth; authmod=adobe …"
//   connect app?authmod=adobe&user=U ─▶ "… ?reason=needauth&user=U&salt=S&challenge=C&opaque=O"
//   connect app?authmod=adobe&user=U&challenge=c&response=R&opaque=O ─▶ Success, or "… ?reason=authfailed …"

import { createHash, randomBytes } from "node:crypto";

function md5Base64(...parts: string[]): string {
  return createHash("md5").update(parts.join("")).digest("base64");
}

export interface AuthStep {
  /** For the application of the next connect; undefined: there is none. */
  query: string | undefined;
  /** Why not. */
  reason: string;
}

/** What to answer to a refusal; undefined where it does not ask for credentials. */
export function answerAuth(description: string, user: string, password: string): AuthStep | undefined {
  const mod = /authmod=([a-z]+)/i.exec(description)?.[1]?.toLowerCase();
  if (mod === undefined && !/need\s*auth/i.test(description)) return undefined;
  if (/reason=(authfailed|nosuchuser)/i.test(description))
    return { query: undefined, reason: "the server does not accept the user and password of the URI" };
  if (user === "") return { query: undefined, reason: "the server wants a user and a password in the URI" };
  if (mod !== "adobe") return { query: undefined, reason: `the server asks for authentication of the kind ${mod}` };
  const given = new URLSearchParams(
    description
      .slice(description.indexOf("?") + 1)
      .trim()
      .replaceAll("+", "%2B"),
  );
  const salt = given.get("salt");
  const begin = `authmod=adobe&user=${user}`;
  if (!description.includes("?reason=needauth") || salt === null) return { query: begin, reason: "" };
  const challenge = given.get("challenge") ?? "";
  const opaque = given.get("opaque");
  const ours = randomBytes(4).toString("hex");
  const response = md5Base64(md5Base64(user, salt, password), opaque ?? challenge, ours);
  const tail = opaque === null ? "" : `&opaque=${opaque}`;
  return { query: `${begin}&challenge=${ours}&response=${response}${tail}`, reason: "" };
}
