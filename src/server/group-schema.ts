// `group` of reel.json.

import { DEFAULT_REPLICAS } from "../group/group-settings.js";
import { Type } from "./schema-type.js";

export const GroupSchema = Type.Object(
  {
    name: Type.String({
      pattern: "^[A-Za-z0-9_-]{1,32}$",
      description: "the same on every node: letters, digits, - and _; all subjects and streams of the group have it",
    }),
    node: Type.Optional(
      Type.String({ minLength: 1, maxLength: 64, description: "of this node alone (default: the host's name)" }),
    ),
    url: Type.Optional(
      Type.String({
        pattern: "^https?://[^\\s?#]+$",
        description:
          "where people find this node's HTTP listener, as http://a:8080: links of its files begin with it at other nodes",
      }),
    ),
    servers: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: "servers of NATS with JetStream, as nats://HOST:4222; one that answers names the others",
    }),
    user: Type.Optional(Type.String({ minLength: 1 })),
    password: Type.Optional(Type.String({ minLength: 1 })),
    token: Type.Optional(Type.String({ minLength: 1 })),
    credentialsFile: Type.Optional(
      Type.String({ minLength: 1, description: "a .creds file of NATS; it also says which account this is" }),
    ),
    tls: Type.Optional(
      Type.Object(
        {
          ca: Type.Optional(
            Type.String({ minLength: 1, description: "PEM file of who signs the servers (default: the system's)" }),
          ),
          certificate: Type.Optional(Type.String({ minLength: 1, description: "PEM file, shown to the servers" })),
          key: Type.Optional(Type.String({ minLength: 1, description: "PEM file of its private key" })),
        },
        { additionalProperties: false },
      ),
    ),
    replicas: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 5,
        description: `copies of claims and configs, each on a server of NATS (default ${DEFAULT_REPLICAS}); 1 is for trials`,
      }),
    ),
    joinSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 86_400,
        description: "a node that joins begins to take its share of the pulls after so long (default 60); 0 = never",
      }),
    ),
    capacityMbps: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        description:
          "what this node should record, in Mb/s; what is left of it weighs in placement (default: no bound)",
      }),
    ),
  },
  { additionalProperties: false, description: "several servers as one recorder, by NATS: docs/group.md" },
);
