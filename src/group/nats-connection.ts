// The connection to NATS. The packages are loaded here, when a group is joined: a server without `group` never does.
// A connection that breaks is made again for ever, at any server of the cluster.

import { readFileSync } from "node:fs";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { ReelError } from "../base/reel-error.js";
import type { GroupSettings } from "./group-settings.js";

/** A server that answers no ping for so long is left for another. */
const PING_MS = 1000;
const MAX_PINGS_OUT = 2;
const RECONNECT_MS = 250;
/** A request to JetStream; without a leader there is no answer. */
const REQUEST_MS = 2000;

export interface Nats {
  readonly connection: NatsConnection;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** Opens a bucket, and makes it where it is not there. */
  bucket(name: string, replicas: number): Promise<KV>;
}

/**
 * Resolves when a server answers, however long that takes. Rejects with ReelError `badArgument` where the servers
 * refuse this node, or a file of the settings cannot be read.
 */
export async function connectNats(settings: GroupSettings, name: string): Promise<Nats> {
  const [transport, jetstreams, buckets] = await Promise.all([
    import("@nats-io/transport-node"),
    import("@nats-io/jetstream"),
    import("@nats-io/kv"),
  ]);
  const { user, password, token, credentialsFile, tls } = settings;
  const options: ConnectionOptions = {
    servers: [...settings.servers],
    name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: RECONNECT_MS,
    reconnectJitter: RECONNECT_MS,
    pingInterval: PING_MS,
    maxPingOut: MAX_PINGS_OUT,
    timeout: REQUEST_MS,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(credentialsFile !== undefined && {
      authenticator: transport.credsAuthenticator(new Uint8Array(read(credentialsFile, "group.credentialsFile"))),
    }),
    ...(tls && {
      tls: {
        ...(tls.ca !== undefined && { ca: read(tls.ca, "group.tls.ca").toString() }),
        ...(tls.certificate !== undefined && { cert: read(tls.certificate, "group.tls.certificate").toString() }),
        ...(tls.key !== undefined && { key: read(tls.key, "group.tls.key").toString() }),
      },
    }),
  };
  let connection: NatsConnection;
  try {
    connection = await transport.connect(options);
  } catch (error) {
    throw new ReelError(
      "badArgument",
      `group: ${settings.servers.join(", ")} does not take this node: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
  const jetstreamOptions = { timeout: REQUEST_MS };
  return {
    connection,
    jetstream: jetstreams.jetstream(connection, jetstreamOptions),
    manager: await jetstreams.jetstreamManager(connection, { ...jetstreamOptions, checkAPI: false }),
    bucket: (bucket, replicas) => new buckets.Kvm(connection).create(bucket, { replicas, history: 1 }),
  };
}

function read(path: string, setting: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const message = `${setting}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new ReelError("badArgument", message, { path }, { cause: error });
  }
}
