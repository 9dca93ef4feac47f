// Heads from memory and runs of bytes from files, one behind the other, as one stream of a known length. One block is
// in memory at a time. Whoever stops reading closes what is open.

import { Readable } from "node:stream";
import { ReelError } from "../../base/reel-error.js";
import type { TurnFile } from "../turn-file.js";
import type { ByteRun } from "./byte-runs.js";

const BLOCK_BYTES = 256 * 1024;

export interface RunSource {
  readonly media: Pick<TurnFile, "read">;
  /** Called behind each read and in front of its use; rejects where what was read may have been moved. */
  verify(): Promise<void>;
}

export function runStream(
  head: Buffer,
  pieces: AsyncIterable<{ source: RunSource; runs: readonly ByteRun[] }>,
  close: () => Promise<void>,
): Readable {
  async function* blocks(): AsyncGenerator<Buffer> {
    if (head.byteLength > 0) yield head;
    for await (const { source, runs } of pieces) for (const run of runs) yield* blocksOf(source, run);
  }
  const stream = Readable.from(blocks(), { objectMode: false, highWaterMark: BLOCK_BYTES });
  // Also where nobody has begun to read: a generator that was never asked has no end.
  stream.once("close", () => void close().catch(() => undefined));
  return stream;
}

async function* blocksOf({ media, verify }: RunSource, { position, bytes }: ByteRun): AsyncGenerator<Buffer> {
  for (let done = 0; done < bytes; ) {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, bytes - done));
    const { bytesRead } = await media.read(block, 0, block.byteLength, position + done);
    await verify();
    if (bytesRead === 0) throw new ReelError("lostFile", "a file became shorter while it was played");
    done += bytesRead;
    yield block.subarray(0, bytesRead);
  }
}
