// The newest gaps that recordings told since the server began, with the wall time and the file of each. The ledger has
// all of them, by file; this answers a page at once.

import { jsonReply, type RouteModule } from "../base/routes.js";
import type { RecorderApi } from "../recording/recorder-api.js";
import type { Gap } from "../stream/gap.js";
import type { Clock } from "../time/units.js";
import { GapMemory, MAX_GAPS } from "./newest-gaps.js";

interface ToldGap extends Gap {
  /** Which of all that were told. */
  readonly id: number;
  /** When it was told. */
  readonly at: string;
  readonly stream: string;
  readonly file: string;
  readonly configId: number;
  readonly outStreamId: number;
}

export function gapRoutes(recorder: Pick<RecorderApi, "on">, clock: Clock): RouteModule {
  const told = new GapMemory<ToldGap>();
  let count = 0;
  recorder.on("gap", (gap, { localStreamName, path, configId, outStreamId }) => {
    const at = new Date(clock.wallMs()).toISOString();
    told.add({ ...gap, id: ++count, at, stream: localStreamName, file: path, configId, outStreamId });
  });
  return {
    name: "gaps",
    routes(register) {
      register("GET", "/api/gaps", ({ query }) => jsonReply(200, told.newest(query.get("stream") ?? undefined)), {
        summary: `The newest gaps that recordings told since the server began, newest first, ${MAX_GAPS} at most; every stream has its share.`,
        query: { stream: "of this stream" },
        isOfGroup: true,
        answers: {
          200: '`{"gaps":[…],"forgotten":…}`, each with `id`, `at`, `cause`, `durationMs`, `frames`, `bytes`, `file`; `forgotten`: how many older ones there were',
        },
      });
    },
  };
}
