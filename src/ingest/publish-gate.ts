// Who may publish under which name (design.md §5): publish keys where they are configured, and what happens when a name
// is live already. A publisher that has been silent for a while, or whose successor shows the same key, gives way: a
// half-dead connection must not cost footage.

import { createHash, timingSafeEqual } from "node:crypto";
import { ReelError } from "../base/reel-error.js";
import type { InStream } from "../stream/in-stream.js";
import type { SourceInfo } from "../stream/source-info.js";
import { parseStreamName, type StreamRegistry } from "../stream/stream-registry.js";
import type { Clock } from "../time/units.js";

export interface PublishRequest {
  /** RTMP's application, may have several segments and a query; else empty. */
  app: string;
  /** Segments and a query, as the publisher has them. */
  streamKey: string;
  source: SourceInfo;
}

/** The connection that publishes, as the gate needs it. */
export interface Publisher {
  /** Ends the stream. */
  close(reason: string): void;
  /** Takes what has come on the connection and was not read yet: its end may be there. */
  readNow(): void;
}

export interface PublishRefusal {
  ok: false;
  code: "badName" | "denied";
  description: string;
}
export type PublishAnswer = { ok: true; inStream: InStream } | PublishRefusal;

export interface PublishGateOptions {
  /** Key per stream name; `*` stands for every other name. Absent: everybody may publish. */
  publishKeys: Readonly<Record<string, string>> | undefined;
  /** A publisher silent for this long gives way to a new one of the same name. */
  takeOverAfterMs: number;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function queryKey(text: string): string | undefined {
  const at = text.indexOf("?");
  return at < 0 ? undefined : (new URLSearchParams(text.slice(at + 1)).get("key") ?? undefined);
}

// Of all gates together: an encoder may come back by another protocol, and its key is the same.
/** Digest of the key that the publisher of a live stream has shown. */
const shownKeys = new WeakMap<InStream, Buffer>();
const publishers = new WeakMap<InStream, Publisher>();

export class PublishGate {
  constructor(
    private readonly registry: StreamRegistry,
    private readonly clock: Clock,
    private readonly options: PublishGateOptions,
  ) {}

  /** Opens the in-stream of a publisher, or says why not. */
  open(request: PublishRequest, publisher: Publisher): PublishAnswer {
    try {
      const { name, shownDigest, refusal } = this.#judge(request);
      if (refusal) return refusal;
      this.#endPredecessor(name, shownDigest);
      const inStream = this.registry.open(name, request.source, (reason) => publisher.close(reason));
      publishers.set(inStream, publisher);
      if (shownDigest) shownKeys.set(inStream, shownDigest);
      return { ok: true, inStream };
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      return { ok: false, code: "badName", description: error.message };
    }
  }

  /** Why a publisher will not be let in, before it has anything to send; undefined where it may be. */
  refusalOf(request: Omit<PublishRequest, "source">): PublishRefusal | undefined {
    try {
      return this.#judge(request).refusal;
    } catch (error) {
      if (!(error instanceof ReelError)) throw error;
      return { ok: false, code: "badName", description: error.message };
    }
  }

  /** Throws ReelError `badName`. */
  #judge({ app, streamKey }: Omit<PublishRequest, "source">): {
    name: string;
    shownDigest: Buffer | undefined;
    refusal: PublishRefusal | undefined;
  } {
    // Encoders divide rtmp://host/a/b/name differently into app and stream key; the last segment is the name.
    const [path = ""] = streamKey.split("?", 1);
    const name = parseStreamName(path.slice(path.lastIndexOf("/") + 1));
    const shown = queryKey(streamKey) ?? queryKey(app);
    const shownDigest = shown === undefined ? undefined : digest(shown);
    if (this.#isAllowed(name, shownDigest)) return { name, shownDigest, refusal: undefined };
    const description = "This stream name needs its publish key: append ?key=... to it.";
    return { name, shownDigest, refusal: { ok: false, code: "denied", description } };
  }

  #isAllowed(name: string, shown: Buffer | undefined): boolean {
    const keys = this.options.publishKeys;
    if (!keys) return true;
    const key = Object.hasOwn(keys, name) ? keys[name] : Object.hasOwn(keys, "*") ? keys["*"] : undefined;
    return key !== undefined && shown !== undefined && timingSafeEqual(digest(key), shown);
  }

  /** Ends the live stream of that name where it has to give way. */
  #endPredecessor(name: string, shown: Buffer | undefined): void {
    // A publisher that comes again at once: its goodbye waits in the socket, which is read at intervals.
    const holder = this.registry.get(name);
    if (holder) publishers.get(holder)?.readNow();
    const live = this.registry.get(name);
    if (!live) return;
    live.look();
    const liveKey = shownKeys.get(live);
    const hasSameKey = shown !== undefined && liveKey !== undefined && timingSafeEqual(shown, liveKey);
    // While we hold a source back its silence is ours.
    const isSilent = !live.isHeldBack && this.clock.monotonicMs() - live.lastFrameMs >= this.options.takeOverAfterMs;
    if (hasSameKey) live.closeSource("another publisher showed the same key");
    else if (isSilent) live.closeSource("silent; another publisher took over the name");
  }
}
