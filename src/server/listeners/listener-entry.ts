// What a listener of the server is: one entry of the listener table (listener-table.ts). Its address in reel.json, its
// flag, its environment variable, its line in the start-up text, its key in the ready file and its section of options
// derive from the entry and the name that the table gives it.

import type { Static, TObject, TProperties } from "typebox";
import type { Arena } from "../../arena/arena.js";
import type { Logger } from "../../base/logger.js";
import type { ControlPlane } from "../../control/control-plane.js";
import type { IngestWorkers } from "../../ingest/workers/ingest-workers.js";
import type { StreamRegistry } from "../../stream/stream-registry.js";
import type { Clock } from "../../time/units.js";
import type { Limits } from "../limits-schema.js";
import type { ListenerAddress } from "../listener-address.js";
import type { TlsFiles } from "../tls-files.js";

/** Who may publish under which name; absent = everybody. */
export type PublishKeys = Readonly<Record<string, string>>;

/** What `create` gets to make a listener from. */
export interface ListenerParts {
  readonly control: ControlPlane;
  /** Of the `tls` section; undefined where there is none. */
  readonly tls: TlsFiles | undefined;
  /** RTMP's, for every listener that takes publishers by name. */
  readonly publishKeys: PublishKeys | undefined;
  /** What a publisher's listener needs to open in-streams. */
  readonly ingest: {
    readonly registry: StreamRegistry;
    readonly arena: Arena;
    readonly clock: Clock;
    readonly logger: Logger;
    /** Threads that read publishers beside the main one, where there are any. */
    readonly workers: IngestWorkers | undefined;
  };
  readonly limits: Limits;
}

export interface ServerListener {
  /** Resolves with the address in use; port 0 = any free one. */
  open(): Promise<ListenerAddress>;
  /** Takes no new connections and ends those that are open. */
  close(): Promise<void>;
  /** Other keys for publishers that come from now on, where the listener has any. */
  setPublishKeys?(keys: PublishKeys | undefined): void;
}

export interface ListenerEntry<Options extends TProperties = TProperties> {
  /** For the schema and the help of the flag. */
  readonly description: string;
  /** Media: closed before the recorder, which drains what came. Commands: closed after it, behind the last events. */
  readonly carries: "media" | "commands";
  /** HOST:PORT or "off". */
  readonly defaultAddress: string;
  /** In the start-up text. */
  readonly title: string;
  /** Formats the address for the start-up text; by default it is shown as it is. */
  readonly showAddress?: (address: string) => string;
  /** The section of reel.json under the listener's name, where it is not empty. */
  readonly options: Options;
  /** Opens nothing yet. Throws ReelError `badArgument` where others could reach the listener without protection. */
  create(parts: ListenerParts, address: ListenerAddress, options: Static<TObject<Options>>): ServerListener;
}

/** Infers the options. */
export function defineListener<Options extends TProperties>(entry: ListenerEntry<Options>): ListenerEntry<Options> {
  return entry;
}
