// `group` of reel.json: with whom this node is a group, and how NATS is reached.

export interface GroupSettings {
  /** The same on every node. */
  readonly name: string;
  /** Of this node; no other of the group has it. Default: the host's name. */
  readonly node?: string | undefined;
  /** Where people find this node's HTTP listener. */
  readonly url?: string | undefined;
  /** URLs of servers of NATS; one that answers is enough, it names the others. */
  readonly servers: readonly string[];
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** A `.creds` file: who this is and to which account it belongs. */
  readonly credentialsFile?: string | undefined;
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly certificate?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
  /** Copies of every claim and config. Default 3. */
  readonly replicas?: number | undefined;
  /** A node that joins begins to take its share of the pulls after so long. Default 60; 0 = never. */
  readonly joinSeconds?: number | undefined;
  /** Of media that this node should record; what is left of it weighs in placement. */
  readonly capacityMbps?: number | undefined;
}

export const DEFAULT_REPLICAS = 3;
