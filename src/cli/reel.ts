#!/usr/bin/env node
// reel: what is started. It loads the command line only where there are descriptors for that: Node opens all modules at
// once, and where it cannot it prints a stack of its loader.

import { setFlagsFromString } from "node:v8";
import { descriptorLimit, MIN_DESCRIPTORS } from "../base/descriptors.js";

// What is new on the heap is collected by its own thread alone: what survives is so little that waking four threads for
// it costs more than the work (bench/README.md: 0.08 of 0.72 ms of CPU per stream second).
setFlagsFromString("--no-parallel-scavenge");

const limit = descriptorLimit();
if (limit < MIN_DESCRIPTORS) {
  console.error(
    `reel: this process may open ${limit} files, and Reel needs ${MIN_DESCRIPTORS} to start and five for each recording: raise its limit (ulimit -n 65536, or LimitNOFILE=65536 in a unit)`,
  );
  process.exitCode = 1;
} else await import("./program.js");
