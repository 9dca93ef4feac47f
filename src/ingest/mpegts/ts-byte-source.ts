// A pulled source whose bytes are MPEG-TS, whatever carries them: the transport brings bytes, the demuxer makes frames.

import { type FrameSink, reasonOf } from "../frame-sink.js";
import type { Source, SourceConnection, SourceEvents, SourceParts, SourceRequest } from "../source.js";
import type { ByteTransport } from "./byte-transport.js";
import { TsSession } from "./ts-session.js";

export class TsByteSource implements Source {
  constructor(
    private readonly transport: ByteTransport,
    private readonly parts: Pick<SourceParts, "arena" | "logger" | "budget">,
  ) {}

  get schemes(): readonly string[] {
    return this.transport.schemes;
  }

  sourceType(scheme: string): string {
    return this.transport.sourceType(scheme);
  }

  check(uri: URL, ssmIp: string): void {
    this.transport.check(uri, ssmIp);
  }

  open(request: SourceRequest, uri: URL, sink: FrameSink, events: SourceEvents): SourceConnection {
    const { arena, logger, budget } = this.parts;
    const session = new TsSession(sink, { arena, logger, name: request.localStreamName, demuxer: { budget } });
    const connection = this.transport.open(request, uri, {
      onConnected: (ends) => events.connected(ends),
      onBytes: (chunk) => {
        if (session.isOver) return;
        try {
          session.push(chunk);
        } catch (error) {
          // nameTaken, badName, arenaFull: this connection ends; the next attempt may find another state of things.
          events.failed(reasonOf(error));
        }
        events.received();
      },
      onClosed: (reason) => {
        session.end();
        events.closed(reason);
      },
    });
    return {
      flow: connection.flow,
      close: () => {
        session.end();
        connection.close();
      },
    };
  }

  close(): Promise<void> {
    return this.transport.close();
  }
}
