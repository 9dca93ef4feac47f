// rtsp:// and rtsps:// as pulled sources: connects, follows redirects, and goes from UDP to TCP where no datagram
// comes. All cameras share the timer of the read loop and one that ticks once a second.

import { LogLimit } from "../../base/log-limit.js";
import type { Logger } from "../../base/logger.js";
import { type FrameSink, reasonOf } from "../frame-sink.js";
import { noteOnce } from "../note-once.js";
import { probeAdoption } from "../sockets/paced-socket.js";
import { ReadLoop } from "../sockets/read-loop.js";
import type { Source, SourceConnection, SourceEvents, SourceParts, SourceRequest } from "../source.js";
import { parsePlayTarget } from "./play-target.js";
import { RtspPull } from "./rtsp-pull.js";

/** How long a socket rests between two reads, at most: as the publishers' do. */
const MAX_REST_MS = 150;
const TICK_MS = 1000;
const NOTES_PER_SECOND = 20;

export interface RtspSourceOptions {
  /** Of rtsps: authorities beside the system's. */
  ca?: string | undefined;
  /** Reads with 'data' events only, as where the runtime offers nothing better. */
  plainReads?: boolean;
  /** How often the times of all sources are looked at. */
  tickMs?: number;
}

export class RtspSource implements Source {
  readonly schemes = ["rtsp", "rtsps"];
  readonly #parts: SourceParts;
  readonly #options: RtspSourceOptions;
  readonly #notes: LogLimit;
  readonly #pulls = new Set<RtspPull>();
  /** Sources that have sent nothing over UDP: their next connection asks for TCP at once. */
  readonly #needTcp = new WeakMap<SourceRequest, string>();
  readonly #noted = new WeakMap<SourceRequest, (note: string) => void>();
  #loop: ReadLoop | undefined;
  #isPlain: Promise<boolean> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: SourceParts, options: RtspSourceOptions = {}) {
    this.#parts = parts;
    this.#options = options;
    this.#notes = new LogLimit(parts.clock, NOTES_PER_SECOND);
  }

  sourceType(): string {
    return "INP";
  }

  check(uri: URL): void {
    parsePlayTarget(uri);
  }

  open(request: SourceRequest, uri: URL, sink: FrameSink, events: SourceEvents): SourceConnection {
    const target = parsePlayTarget(uri);
    const { arena, clock, logger, budget } = this.#parts;
    this.#loop ??= ReadLoop.create(arena, MAX_REST_MS);
    this.#isPlain ??= this.#options.plainReads ? Promise.resolve(true) : probeAdoption().then((works) => !works);
    this.#timer ??= setInterval(() => this.#tick(), this.#options.tickMs ?? TICK_MS).unref();
    const pull: RtspPull = new RtspPull({
      arena,
      budget,
      loop: this.#loop,
      ca: this.#options.ca,
      nowMs: () => clock.monotonicMs(),
      note: this.#noteOf(request, logger),
      request,
      sink,
      whyTcp: () => (request.forceTcp ? "forceTcp" : this.#needTcp.get(request)),
      wantTcp: (why) => void this.#needTcp.set(request, why),
      events: {
        ...events,
        closed: (reason, isDenied) => {
          this.#pulls.delete(pull);
          events.closed(reason, isDenied);
        },
      },
    });
    this.#pulls.add(pull);
    this.#isPlain.then((isPlain) => pull.connect(target, isPlain)).catch((error) => pull.fail(reasonOf(error)));
    return pull;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pulls].map((pull) => pull.gone()));
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#loop?.close();
    this.#loop = undefined;
  }

  /** Each text once for a source, however often it connects. */
  #noteOf(request: SourceRequest, logger: Logger): (note: string) => void {
    const known = this.#noted.get(request);
    if (known) return known;
    const note = noteOnce((text) =>
      this.#notes.pass((suppressed) => logger.info({ stream: request.localStreamName, suppressed }, text)),
    );
    this.#noted.set(request, note);
    return note;
  }

  #tick(): void {
    for (const pull of this.#pulls) {
      try {
        pull.tick();
      } catch (error) {
        pull.fail(reasonOf(error));
      }
    }
  }
}
