// Settings of uploads, and where credentials come from; they stand in no message.

import { expect, it } from "vitest";
import type { CatalogSegment } from "../../../src/catalog/catalog-segment.js";
import { objectKey } from "../../../src/upload/object-key.js";
import { completeUploadSettings, readCredentials } from "../../../src/upload/upload-settings.js";
import { scratch } from "../../support/scratch.js";

const { write, path } = scratch();
const BASE = { endpoint: "https://s3.example.com", bucket: "footage" };

it("has a default for everything but the bucket", () => {
  expect(completeUploadSettings(BASE)).toMatchObject({
    ...{ key: "{path}", region: "us-east-1", concurrency: 4, partBytes: 8 * 1024 * 1024, bytesPerSecond: 0 },
    ...{ all: false, checksums: true, keepLocal: true, keepUntilUploaded: true, isHostStyle: false },
  });
});

it.each([
  [{ endpoint: "s3.example.com" }, /is a URL such as/],
  [{ endpoint: "https://key:secret@s3.example.com" }, /has no credentials in it/],
  [{ bucket: "a/b" }, /a\/b is no name of a bucket/],
  [{ key: "{stream}/{nmae}" }, /\{nmae\} is no field; they are path, name, stream/],
  [{ key: "{stream}/{year}" }, /names no file/],
  [{ key: "{name}}" }, /a brace that no field has/],
])("refuses %o", (wrong, message) => {
  expect(() => completeUploadSettings({ ...BASE, ...wrong })).toThrow(message);
});

const SEGMENT = {
  ...{ id: 12, path: "/media/a/cam1/part_0001.mp4", localStreamName: "cam1", configId: 3 },
  startedMs: Date.UTC(2026, 10, 7, 5),
} as CatalogSegment;

it.each([
  ["{path}", "cam1/part_0001.mp4"],
  ["{stream}/{year}/{month}/{day}/{hour}/{name}", "cam1/2026/11/07/05/part_0001.mp4"],
  ["r1/{configId}/{sequence}", "r1/3/12"],
])("names an object by %s", (template, key) => {
  expect(objectKey(template, SEGMENT, ["/media", "/media/a"])).toBe(key);
});

it("refuses names that are steps between folders, or too long", () => {
  const named = (localStreamName: string): string =>
    objectKey("{stream}/{name}", { ...SEGMENT, localStreamName }, ["/media"]);
  for (const stream of ["..", "a/../b", "", "a//b"]) expect(() => named(stream), stream).toThrow(/cannot be the name/);
  expect(() => named("é".repeat(600))).toThrow(/more than 1024 bytes/);
});

it("reads credentials from the environment, from JSON and from a profile", async () => {
  const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", AWS_SESSION_TOKEN: "token" };
  const all = { accessKeyId: "id", secretAccessKey: "secret", sessionToken: "token" };
  expect(await readCredentials({ credentialsFile: undefined, profile: "default" }, env)).toEqual(all);
  const json = write("a.json", Buffer.from(JSON.stringify(all)));
  expect(await readCredentials({ credentialsFile: json, profile: "default" }, {})).toEqual(all);
  const text = "[default]\naws_access_key_id=other\n[ site ]\naws_access_key_id = id\n aws_secret_access_key= secret\n";
  const profiles = write("credentials", Buffer.from(text));
  expect(await readCredentials({ credentialsFile: profiles, profile: "site" }, {})).toEqual({
    accessKeyId: "id",
    secretAccessKey: "secret",
  });
});

it("says what is missing, and no secret", async () => {
  await expect(readCredentials({ credentialsFile: undefined, profile: "default" }, {})).rejects.toThrow(
    /set AWS_ACCESS_KEY_ID/,
  );
  const missing = { credentialsFile: path("none"), profile: "default" };
  await expect(readCredentials(missing, {})).rejects.toThrow(/none cannot be read \(ENOENT\)/);
  const credentialsFile = write("half", Buffer.from("[default]\naws_secret_access_key = hush\n"));
  const failure = await readCredentials({ credentialsFile, profile: "default" }, {}).catch((error: Error) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(String(failure)).not.toContain("hush");
});
