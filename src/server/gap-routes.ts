// The newest gaps that recordings told since the server began, with the wall time and the file of each. The ledger has
// all of them, by file; this answers a page at once.

import { jsonReply, type RouteModule } from "../base/routes.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Gap } from "../stream/gap.js";
import type { Clock } from "../time/units.js";

/** 200 streams with ten each; 0.5 MB. */
const MAX_GAPS = 2000;

interface ToldGap extends Gap {
  /** When it was told. */
  readonly at: string;
  readonly stream: string;
  readonly file: string;
  readonly configId: number;
  readonly outStreamId: number;
}

export function gapRoutes(recorder: Pick<RecorderApi, "on">, clock: Clock): RouteModule {
  const told: ToldGap[] = [];
  recorder.on("gap", (gap, { localStreamName, path, configId, outStreamId }) => {
    const at = new Date(clock.wallMs()).toISOString();
    told.push({ ...gap, at, stream: localStreamName, file: path, configId, outStreamId });
    // A batch at a time, so that a flood of gaps does not move the list for each.
    if (told.length >= 2 * MAX_GAPS) told.splice(0, told.length - MAX_GAPS);
  });
  return {
    name: "gaps",
    routes(register) {
      register(
        "GET",
        "/api/gaps",
        ({ query }) => {
          const stream = query.get("stream");
          const wanted = stream === null ? told : told.filter((gap) => gap.stream === stream);
          return jsonReply(200, { gaps: wanted.slice(-MAX_GAPS).reverse() });
        },
        {
          summary: `The newest gaps that recordings told since the server began, newest first, ${MAX_GAPS} at most.`,
          query: { stream: "of this stream" },
          answers: { 200: '`{"gaps":[…]}`, each with `at`, `cause`, `durationMs`, `frames`, `bytes`, `file`' },
        },
      );
    },
  };
}
