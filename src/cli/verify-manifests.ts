// `reel verify --manifest PATH…`: whether recorded files are what was recorded. Names the first break.

import { statSync } from "node:fs";
import { type ManifestReport, verifyManifests } from "../verify/verify-manifest.js";
import { filesBelow } from "./files-below.js";
import { ProgressBar } from "./progress-bar.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

const SUFFIX = ".manifest";

export function checkManifests(paths: readonly string[], isJson: boolean): number {
  const unreadable: string[] = [];
  const manifests = paths.flatMap((path) => manifestsOf(path, unreadable));
  for (const what of unreadable) console.error(what);
  const bar = new ProgressBar();
  const reports = verifyManifests(manifests, (done) =>
    bar.update(done / manifests.length, `${done + 1} of ${manifests.length} ${manifests[done]}`),
  );
  bar.end();
  const broken = reports.filter(({ fault }) => fault !== null);
  if (isJson) for (const report of reports) console.log(JSON.stringify(report));
  else tell(reports, broken);
  return broken.length === 0 && unreadable.length === 0 && reports.length > 0 ? EXIT_OK : EXIT_FAILED;
}

function tell(reports: readonly ManifestReport[], broken: readonly ManifestReport[]): void {
  const [first] = broken;
  if (first) console.log(`first break: ${fileOf(first)}: ${first.fault}`);
  for (const report of broken.slice(1)) console.log(`${fileOf(report)}: ${report.fault}`);
  if (reports.length === 0) console.log("no manifests found (record … manifest=1 writes them)");
  else {
    const recovered = reports.filter(({ isRecovered }) => isRecovered).length;
    const note = recovered > 0 ? `; ${recovered} hashed after a crash` : "";
    console.log(`${reports.length - broken.length} of ${reports.length} files are what was recorded${note}`);
  }
}

function fileOf({ path }: ManifestReport): string {
  return path.slice(0, -SUFFIX.length);
}

/** A file stands for the manifest beside it. */
function manifestsOf(path: string, unreadable: string[]): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path.endsWith(SUFFIX) ? path : path + SUFFIX];
  } catch (error) {
    unreadable.push(`${path}: ${(error as Error).message}`);
    return [];
  }
  return [...filesBelow(path)].filter((file) => file.endsWith(SUFFIX));
}
