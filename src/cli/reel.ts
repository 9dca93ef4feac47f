#!/usr/bin/env node
// reel: what is started. It loads the command line only where there are descriptors for that: Node opens all modules at
// once, and where it cannot it prints a stack of its loader.

import { descriptorLimit, MIN_DESCRIPTORS } from "../base/descriptors.js";

const limit = descriptorLimit();
if (limit < MIN_DESCRIPTORS) {
  console.error(
    `reel: this process may open ${limit} files, and Reel needs ${MIN_DESCRIPTORS} to start and five for each recording: raise its limit (ulimit -n 65536, or LimitNOFILE=65536 in a unit)`,
  );
  process.exitCode = 1;
} else await import("./program.js");
