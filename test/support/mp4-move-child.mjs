// Moves one MP4 journal with the built program, so that a test can kill it at it.
//
//   node mp4-move-child.mjs <from> <to>       prints the name that the segment has

import { CONTAINERS } from "../../dist/container/table.js";

const [from, to] = process.argv.slice(2);
process.stdout.write(CONTAINERS.mp4.move(from, to, ""));
