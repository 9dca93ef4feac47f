// What replies and events are made from: the recorder, the pull configs, the clock. Handlers and the event mapper share
// it.

import type { RecorderApi } from "../recording/recorder-api.js";
import type { Retention } from "../retention/retention.js";
import type { Clock } from "../time/units.js";
import type { Uploads } from "../upload/uploads.js";
import type { GroupPort } from "./group/group-port.js";
import type { PullConfigs } from "./pull/pull-configs.js";

export interface ControlView {
  readonly recorder: RecorderApi;
  readonly pulls: PullConfigs;
  readonly clock: Clock;
  /** undefined where the server has none. */
  readonly retention: Retention | undefined;
  /** undefined where reel.json has no `upload`. */
  readonly uploads?: Uploads | undefined;
  /** undefined where the server is alone. */
  readonly group?: Pick<GroupPort, "conflictsOf"> | undefined;
  /** Shown as mp4BinPath in record settings. */
  readonly mp4BinPath: string;
}
