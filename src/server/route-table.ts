// Every route beside the commands. The HTTP listener serves them, docs/http.md and docs/openapi.json describe them.

import type { RouteModule } from "../base/routes.js";
import { healthRoutes } from "./health-routes.js";

export function serverRoutes(mediaFolders: readonly string[]): RouteModule[] {
  return [healthRoutes(mediaFolders)];
}
