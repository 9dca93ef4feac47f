// A real recorder in a folder of its own, for unit tests of what it does with configs; it is closed behind each test.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { silentLogger } from "../../src/base/logger.js";
import { Recorder } from "../../src/recording/recorder.js";
import type { RecorderOptions } from "../../src/recording/recorder-options.js";
import { LoopedSource } from "./looped-source.js";

const open = new Map<Recorder, string>();

afterEach(async () => {
  for (const recorder of open.keys()) await recorder.close();
  for (const root of new Set(open.values())) await rm(root, { recursive: true, force: true });
  open.clear();
});

/** `root` is that of a recorder that was closed: the same state and media once more. */
export async function openRecorder(options: RecorderOptions = {}, root?: string): Promise<Recorder> {
  const own = root ?? (await mkdtemp(join(tmpdir(), "reel-recorder-")));
  const folders = { mediaFolders: [join(own, "media")], stateFolder: join(own, "state") };
  const recorder = await Recorder.open({ ...folders, workers: 1, logger: silentLogger, ...options });
  open.set(recorder, own);
  return recorder;
}

/** The same folders, as a restart finds them. */
export async function reopen(recorder: Recorder, options: RecorderOptions = {}): Promise<Recorder> {
  const root = open.get(recorder);
  await recorder.close();
  open.delete(recorder);
  return openRecorder(options, root);
}

/** A live stream with some media in it. */
export async function publish(recorder: Recorder, name: string, mediaMs = 1000): Promise<LoopedSource> {
  const source = new LoopedSource(recorder.streams.open(name));
  await source.writeUpTo(mediaMs);
  return source;
}

/** Local stream names of its configs, as often as they are there. */
export function configured(recorder: Recorder): string[] {
  return recorder.configs().map(({ config }) => config.localStreamName);
}
