// `preview` of reel.json.

import { DEFAULT_PREVIEW_WIDTH } from "../preview/preview-arguments.js";
import { Type } from "./schema-type.js";

export const PreviewSchema = Type.Object(
  {
    streams: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1000,
        description:
          "pulled RTSP streams that may be transcoded at a time for whoever watches them in the dashboard (default 0: off); an ffmpeg each, and another session of the camera",
      }),
    ),
    width: Type.Optional(
      Type.Integer({
        minimum: 64,
        maximum: 1920,
        description: `wider pictures are made smaller (default ${DEFAULT_PREVIEW_WIDTH})`,
      }),
    ),
  },
  { additionalProperties: false },
);
