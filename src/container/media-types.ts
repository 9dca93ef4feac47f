// The media type of each container's files, for whoever hands them on by HTTP. It stands apart from the containers
// themselves: an upload thread loads no muxer for it.

import type { ContainerName } from "./container.js";

export const MEDIA_TYPES = {
  mp4: "video/mp4",
  ts: "video/mp2t",
  flv: "video/x-flv",
} as const satisfies Readonly<Record<ContainerName, string>>;
