// Finishes one MP4 journal with the built program, by the ways that are named, so that a test can kill it at it, or see
// what memory it takes.
//
//   node mp4-finish-child.mjs <final path> <method>[,<method>]       prints {"result":…,"beforeBytes":…,"peakBytes":…}

import { finishMp4 } from "../../dist/container/mp4/finish.js";

const [path, methods] = process.argv.slice(2);
const beforeBytes = process.memoryUsage.rss();
const result = finishMp4(path, { methods: methods.split(",") });
process.stdout.write(`${JSON.stringify({ result, beforeBytes, peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
