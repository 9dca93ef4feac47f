// Logging in from a page: credentials come in a body, never in an address, and a cookie goes back. Other sites cannot
// send it (SameSite=Strict), scripts cannot read it (HttpOnly).

import { jsonReply, type RouteModule, type RouteReply, type RouteRequest } from "../../base/routes.js";
import type { Credentials } from "./credentials.js";
import { cookieName } from "./login-sessions.js";
import type { RequestGuard } from "./protection.js";

const PATH = "/api/session";
const WRONG = "These credentials are not right: a token, or user and password, as in control of reel.json";

export function loginRoutes(guard: RequestGuard, isSecure: boolean): RouteModule {
  const cookie = ({ headers }: RouteRequest, value: string, rest = ""): Record<string, string> => ({
    "Content-Type": "application/json",
    "Set-Cookie": `${cookieName(headers.host)}=${value}; Path=/; HttpOnly; SameSite=Strict${isSecure ? "; Secure" : ""}${rest}`,
  });
  const state = (role: string | null) => ({ role, needsLogin: guard.needsLogin });
  const logIn = (request: RouteRequest): RouteReply => {
    const shown = readCredentials(request.body);
    if (!shown) return jsonReply(400, { error: 'The body is {"token":"…"} or {"user":"…","password":"…"}' });
    if (!guard.needsLogin) return jsonReply(200, state("owner"));
    const found = guard.logIn(shown, request.headers, request.address);
    if (!found) return jsonReply(403, { error: WRONG });
    if ("status" in found) {
      const reply = jsonReply(found.status, { error: found.reason });
      return { ...reply, headers: { ...reply.headers, "Retry-After": String(found.waitSeconds) } };
    }
    return { ...jsonReply(200, state(found.role)), headers: cookie(request, found.session) };
  };
  return {
    name: "login",
    routes(register) {
      register("GET", PATH, ({ headers, address }) => jsonReply(200, state(guard.roleOf(headers, address) ?? null)), {
        summary: "Who asks: `role` is owner, viewer or null (nobody that is known), `needsLogin` whether it matters.",
        answers: { 200: '`{"role":…,"needsLogin":…}`' },
        access: "login",
      });
      register("POST", PATH, logIn, {
        summary: 'Logs a browser in, by `{"token":…}` or `{"user":…,"password":…}`: the answer sets a cookie.',
        answers: {
          200: "as GET",
          400: "the body cannot be read",
          403: "the credentials are not right",
          429: "too many wrong ones came from this address: `Retry-After`",
        },
        access: "login",
      });
      const logOut = (request: RouteRequest): RouteReply => {
        guard.logOut(request.headers);
        return { ...jsonReply(200, state(null)), headers: cookie(request, "", "; Max-Age=0") };
      };
      register("DELETE", PATH, logOut, {
        summary: "Logs the browser out.",
        answers: { 200: "as GET" },
        access: "login",
      });
    },
  };
}

function readCredentials(body: string): Credentials | undefined {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof given !== "object" || given === null) return undefined;
  const { token, user, password } = given as Record<string, unknown>;
  if (typeof token === "string" && token !== "") return { token };
  return typeof user === "string" && typeof password === "string" ? { user, password } : undefined;
}
