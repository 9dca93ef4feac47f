// Finishes one MP4 journal with the built program, by the ways that are named, so that a test can kill it at it.
//
//   node mp4-finish-child.mjs <final path> <method>[,<method>]

import { finishMp4 } from "../../dist/worker/mp4/finish.js";

const [path, methods] = process.argv.slice(2);
finishMp4(path, { methods: methods.split(",") });
