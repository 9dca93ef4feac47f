// Certificate and key of the listeners over TLS, read from their files, and read again when the files change, as a
// renewed certificate does (certbot, lego, cert-manager). A pair that cannot be used is told, and the old one stays.

import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";

/** Files are looked at so often; links that are swapped below them show too. */
const POLL_MS = 2_000;

export interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
}

export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What listeners of Node's TLS take a new pair by. */
interface Renewable {
  setSecureContext(pair: KeyPair): void;
}

export class TlsFiles {
  #pair: KeyPair;
  readonly #servers = new Set<Renewable>();
  readonly #check = (): void => this.#renew();

  /** Throws ReelError `badArgument` where the files are no certificate and its key. */
  constructor(
    private readonly paths: TlsPaths,
    private readonly logger: Logger,
  ) {
    this.#pair = readPair(paths);
    for (const path of this.#watched()) watchFile(path, { interval: POLL_MS, persistent: false }, this.#check);
  }

  get pair(): KeyPair {
    return this.#pair;
  }

  /** The server gets every later pair. */
  keepRenewed(server: Renewable): void {
    this.#servers.add(server);
  }

  close(): void {
    for (const path of this.#watched()) unwatchFile(path, this.#check);
    this.#servers.clear();
  }

  #watched(): string[] {
    return [this.paths.certificate, this.paths.key];
  }

  #renew(): void {
    let pair: KeyPair;
    try {
      pair = readPair(this.paths);
    } catch (error) {
      // One of the two may be written a moment before the other.
      this.logger.warn({ reason: (error as Error).message }, "certificate kept");
      return;
    }
    if (pair.cert.equals(this.#pair.cert) && pair.key.equals(this.#pair.key)) return;
    this.#pair = pair;
    for (const server of this.#servers) server.setSecureContext(pair);
    this.logger.info({ certificate: this.paths.certificate }, "certificate renewed");
  }
}

function readPair({ certificate, key }: TlsPaths): KeyPair {
  const pair = { cert: readPem(certificate, "tls.certificate"), key: readPem(key, "tls.key") };
  try {
    createSecureContext(pair);
  } catch (error) {
    const reason = (error as Error).message;
    throw new ReelError(
      "badArgument",
      `tls.certificate ${certificate} and tls.key ${key} are no pair of PEM files (${reason}): give a certificate with its own key`,
      {},
      { cause: error },
    );
  }
  return pair;
}

function readPem(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT"
        ? "does not exist"
        : code === "EACCES"
          ? "may not be read by this user"
          : `cannot be read (${message})`;
    throw new ReelError("badArgument", `${setting}: the file ${path} ${reason}`);
  }
}
