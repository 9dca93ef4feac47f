// The dashboard's files, as the build has left them in dist/dashboard. They hold nothing of this server, so everybody
// may have them, also before a login; what they show comes through the routes and the channel, with their checks.

import { readdir, readFile } from "node:fs/promises";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RouteModule, RouteReply, RouteRequest } from "../base/routes.js";

/** The same from src/web and from dist/web. */
const FOLDER = new URL("../../dist/dashboard/", import.meta.url);
const PAGE = "index.html";
/** A name that changes with what is in the file, as the build gives it to scripts and styles. */
const HASHED = /-[\w-]{8}\.\w+$/;
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

/**
 * Read at the first request for any of them, all at once, and kept (some hundred kilobytes): whoever builds anew or
 * updates the package below a running server must not mix two builds. What cannot be read is tried again.
 */
class PageFiles {
  #read: Promise<ReadonlyMap<string, PageFile>> | undefined;

  constructor(private readonly folder: URL) {}

  async find(name: string): Promise<PageFile | undefined> {
    this.#read ??= this.#openAll();
    try {
      const files = await this.#read;
      if (files.size === 0) this.#read = undefined;
      return files.get(name);
    } catch (error) {
      this.#read = undefined;
      throw error;
    }
  }

  async #openAll(): Promise<ReadonlyMap<string, PageFile>> {
    const names = await namesBelow(this.folder);
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#open(name)] as const)));
  }

  async #open(name: string): Promise<PageFile> {
    const plain = await readFile(new URL(name, this.folder));
    const zipped = await promisify(gzip)(plain, { level: 9 });
    return { type: TYPES[extname(name)] ?? "application/octet-stream", plain, zipped };
  }
}

/** None where nothing is built. */
async function namesBelow(folder: URL): Promise<string[]> {
  try {
    const names = await readdir(fileURLToPath(folder), { recursive: true });
    return names.filter((name) => TYPES[extname(name)] !== undefined).map((name) => name.replaceAll("\\", "/"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
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
        "Cache-Control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
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
