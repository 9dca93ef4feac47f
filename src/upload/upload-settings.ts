// Where finished files are uploaded to, and how: `upload` of reel.json. Secrets are not in it: they are read from the
// environment or from a file, for every upload anew, and stand in no reply, event or line of the log.

import { readFile, stat } from "node:fs/promises";
import { ReelError } from "../base/reel-error.js";
import { checkKeyTemplate, DEFAULT_KEY } from "./object-key.js";
import type { Credentials } from "./s3-request.js";

export interface UploadSettings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region?: string | undefined;
  /** Template of the objects' names (object-key.ts). */
  readonly key?: string | undefined;
  /** Where the bucket's name stands; default `path`. */
  readonly addressing?: "path" | "host" | undefined;
  /** JSON or the form of ~/.aws/credentials. Default: AWS_ACCESS_KEY_ID and its like. */
  readonly credentialsFile?: string | undefined;
  readonly profile?: string | undefined;
  /** Every file is uploaded whose config does not say `upload=0`. */
  readonly all?: boolean | undefined;
  readonly concurrency?: number | undefined;
  readonly partMib?: number | undefined;
  readonly bytesPerSecond?: number | undefined;
  readonly checksums?: boolean | undefined;
  readonly keepLocal?: boolean | undefined;
  /** Rules of retention leave files alone that wait for their upload. Default true. */
  readonly keepUntilUploaded?: boolean | undefined;
}

export const DEFAULT_REGION = "us-east-1";
export const DEFAULT_CONCURRENCY = 4;
export const DEFAULT_PART_MIB = 8;
/** S3's least, but for the last. */
export const MIN_PART_MIB = 5;
export const MAX_PART_MIB = 1024;

export interface CompleteUploadSettings
  extends Required<Omit<UploadSettings, "credentialsFile" | "profile" | "partMib" | "addressing">> {
  readonly isHostStyle: boolean;
  readonly partBytes: number;
  readonly credentialsFile: string | undefined;
  readonly profile: string;
}

/** Throws ReelError `badArgument`. */
export function completeUploadSettings(settings: UploadSettings): CompleteUploadSettings {
  const { endpoint, bucket, key = DEFAULT_KEY } = settings;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new ReelError("badArgument", "upload.endpoint is a URL such as https://s3.eu-central-1.amazonaws.com");
  if (url.username !== "" || url.password !== "")
    throw new ReelError("badArgument", "upload.endpoint has no credentials in it: see upload.credentialsFile");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9._-]{1,62}$/.test(bucket))
    throw new ReelError("badArgument", `upload.bucket: ${bucket} is no name of a bucket`);
  checkKeyTemplate(key);
  return {
    ...{ endpoint, bucket, key },
    region: settings.region ?? DEFAULT_REGION,
    isHostStyle: settings.addressing === "host",
    credentialsFile: settings.credentialsFile,
    profile: settings.profile ?? "default",
    all: settings.all ?? false,
    concurrency: settings.concurrency ?? DEFAULT_CONCURRENCY,
    partBytes: (settings.partMib ?? DEFAULT_PART_MIB) * 1024 * 1024,
    bytesPerSecond: settings.bytesPerSecond ?? 0,
    checksums: settings.checksums ?? true,
    keepLocal: settings.keepLocal ?? true,
    keepUntilUploaded: settings.keepUntilUploaded ?? true,
  };
}

/** Throws ReelError `badArgument` where there are none; never says what they are. */
export async function readCredentials(
  { credentialsFile, profile }: Pick<CompleteUploadSettings, "credentialsFile" | "profile">,
  env: NodeJS.ProcessEnv,
): Promise<Credentials> {
  if (credentialsFile === undefined) {
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env;
    if (!accessKeyId || !secretAccessKey)
      throw new ReelError(
        "badArgument",
        "upload has no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file in upload.credentialsFile",
      );
    return { accessKeyId, secretAccessKey, ...(token && { sessionToken: token }) };
  }
  const text = await readFile(credentialsFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new ReelError("badArgument", `upload.credentialsFile: ${credentialsFile} cannot be read (${error.code})`);
  });
  const found = text.trimStart().startsWith("{") ? fromJson(text) : fromProfile(text, profile);
  if (!found)
    throw new ReelError(
      "badArgument",
      `upload.credentialsFile: ${credentialsFile} has no accessKeyId and secretAccessKey, and no profile ${profile} with aws_access_key_id`,
    );
  return found;
}

/** True where other users of the machine may read it. */
export async function othersRead(path: string): Promise<boolean> {
  return ((await stat(path)).mode & 0o077) !== 0;
}

function fromJson(text: string): Credentials | undefined {
  try {
    return credentialsOf(JSON.parse(text) as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

/** ~/.aws/credentials: sections in brackets, `name = value`. */
function fromProfile(text: string, profile: string): Credentials | undefined {
  const values: Record<string, string> = {};
  let section = "";
  for (const line of text.split("\n").map((text) => text.trim())) {
    section = /^\[(.*)\]$/.exec(line)?.[1]?.trim() ?? section;
    const [, name, value] = /^([a-z_]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (section === profile && name !== undefined && value !== undefined) values[name] = value;
  }
  const {
    aws_access_key_id: accessKeyId,
    aws_secret_access_key: secretAccessKey,
    aws_session_token: sessionToken,
  } = values;
  return credentialsOf({ accessKeyId, secretAccessKey, sessionToken });
}

function credentialsOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: Record<string, unknown>): Credentials | undefined {
  if (typeof accessKeyId !== "string" || typeof secretAccessKey !== "string") return undefined;
  return { accessKeyId, secretAccessKey, ...(typeof sessionToken === "string" && { sessionToken }) };
}
