// `upload` of reel.json.

import { DEFAULT_KEY, KEY_FIELDS } from "../upload/object-key.js";
import {
  DEFAULT_CONCURRENCY,
  DEFAULT_PART_MIB,
  DEFAULT_REGION,
  MAX_PART_MIB,
  MIN_PART_MIB,
} from "../upload/upload-settings.js";
import { Type } from "./schema-type.js";

export const UploadSchema = Type.Object(
  {
    endpoint: Type.String({ minLength: 1, description: "URL of the S3 server, without the bucket" }),
    bucket: Type.String({ minLength: 3, description: "it must be there" }),
    region: Type.Optional(Type.String({ minLength: 1, description: `default ${DEFAULT_REGION}` })),
    key: Type.Optional(
      Type.String({
        minLength: 1,
        description: `names of the objects (default ${DEFAULT_KEY}), with the fields ${Object.entries(KEY_FIELDS)
          .map(([field, what]) => `{${field}}: ${what}`)
          .join("; ")}`,
      }),
    ),
    addressing: Type.Optional(
      Type.Enum(["path", "host"], { description: "where the bucket's name stands in URLs (default path)" }),
    ),
    credentialsFile: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "JSON with accessKeyId, secretAccessKey and perhaps sessionToken, or a file as ~/.aws/credentials; it may change while the server runs (default: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment)",
      }),
    ),
    profile: Type.Optional(Type.String({ minLength: 1, description: "of such a file (default default)" })),
    all: Type.Optional(
      Type.Boolean({
        description: "upload every file but those of configs with upload=0 (default false: upload=1 asks)",
      }),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 64,
        description: `files, and parts of all files, that are sent at a time (default ${DEFAULT_CONCURRENCY}); the memory is this times partMib`,
      }),
    ),
    partMib: Type.Optional(
      Type.Integer({
        minimum: MIN_PART_MIB,
        maximum: MAX_PART_MIB,
        description: `larger files are sent in parts of so much (default ${DEFAULT_PART_MIB})`,
      }),
    ),
    bytesPerSecond: Type.Optional(Type.Integer({ minimum: 0, description: "no more is sent; 0 = as fast as it goes" })),
    checksums: Type.Optional(
      Type.Boolean({
        description:
          "the server keeps SHA-256 checksums (default true); false for servers that refuse x-amz-checksum-sha256. The hash of every body is signed either way",
      }),
    ),
    keepLocal: Type.Optional(
      Type.Boolean({ description: "false: delete a file when its object was seen at the server (default true)" }),
    ),
    keepUntilUploaded: Type.Optional(
      Type.Boolean({
        description: "rules of retention leave files alone that wait for their upload (default true)",
      }),
    ),
  },
  { additionalProperties: false, description: "where finished files are uploaded to" },
);
