// The dashboard's files, as the build has left them in dist/dashboard. They hold nothing of this server, so everybody
// may have them, also before a login; what they show comes through the routes and the channel, with their checks.

import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RouteModule, RouteReply, RouteRequest } from "../base/routes.js";

/** The same from src/web and from dist/web. */
const FOLDER = new URL("../../dist/dashboard/", import.meta.url);
const PAGE = "index.html";
const MISSING = "The dashboard is not built: npm run build\n";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Scripts and styles of this origin only, none in the page itself; players make media of blobs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const COMMON_HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  // The checks of Referer need it inside; other sites do not.
  "Referrer-Policy": "same-origin",
};

interface PageFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly zipped: Buffer;
}

/** Read at the first request for each, and kept: they are some hundred kilobytes together. */
class PageFiles {
  readonly #names: ReadonlySet<string>;
  readonly #read = new Map<string, Promise<PageFile>>();

  constructor(private readonly folder: URL) {
    this.#names = namesBelow(folder);
  }

  find(name: string): Promise<PageFile> | undefined {
    if (!this.#names.has(name)) return undefined;
    const found = this.#read.get(name) ?? this.#open(name);
    this.#read.set(name, found);
    return found;
  }

  async #open(name: string): Promise<PageFile> {
    const plain = await readFile(new URL(name, this.folder));
    const zipped = await promisify(gzip)(plain, { level: 9 });
    return { type: TYPES[extname(name)] ?? "application/octet-stream", plain, zipped };
  }
}

function namesBelow(folder: URL): ReadonlySet<string> {
  try {
    const names = readdirSync(fileURLToPath(folder), { recursive: true }).map(String);
    return new Set(names.filter((name) => TYPES[extname(name)] !== undefined));
  } catch {
    return new Set();
  }
}

export function dashboardRoutes(folder = FOLDER): RouteModule {
  const files = new PageFiles(folder);
  const answer = async (name: string, request: RouteRequest): Promise<RouteReply> => {
    const file = await files.find(name);
    if (!file) return { status: 404, headers: { "Content-Type": "text/plain" }, body: name === PAGE ? MISSING : "\n" };
    const isZipped = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
    return {
      status: 200,
      headers: {
        ...COMMON_HEADERS,
        "Content-Type": file.type,
        // The names of all but the page change with what is in them.
        "Cache-Control": name === PAGE ? "no-cache" : "public, max-age=31536000, immutable",
        Vary: "Accept-Encoding",
        ...(isZipped && { "Content-Encoding": "gzip" }),
      },
      body: isZipped ? file.zipped : file.plain,
    };
  };
  return {
    name: "dashboard",
    routes(register) {
      register("GET", "/", (request) => answer(PAGE, request), {
        summary: "The dashboard: docs/dashboard.md.",
        answers: { 200: "a page", 404: "it is not built" },
        access: "page",
      });
      register("GET", "/dashboard/*", (request) => answer(`dashboard/${request.parameters["*"]}`, request), {
        summary: "Its scripts, styles and pictures.",
        answers: { 200: "the file", 404: "there is no such file" },
        access: "page",
      });
    },
  };
}
