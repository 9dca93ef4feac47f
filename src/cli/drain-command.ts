// `reel drain`: a node of a group gives its pulls to the others, so that it can be stopped without a gap.

import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import type { DrainData } from "../client/reply-data.js";
import { addConnectionOptions, type ConnectionFlags, connectionFailure, withClient } from "./server-connection.js";
import { EXIT_FAILED, EXIT_OK } from "./usage.js";

interface DrainFlags extends ConnectionFlags {
  off?: boolean;
}

const ASK_AGAIN_MS = 500;

export function addDrainCommand(program: Command): void {
  addConnectionOptions(program.command("drain"))
    .description("give every pull of this node of a group to the others, without a gap, before it is stopped")
    .option("--off", "take pulls again")
    .action(async (flags: DrainFlags) => {
      process.exitCode = await drain(flags);
    });
}

/** Fails where a pull stays here: a stop would leave a gap in it. */
async function drain(flags: DrainFlags): Promise<number> {
  try {
    return await withClient(flags, async (client) => {
      if (flags.off) {
        await client.drain({ off: true });
        console.log("this node takes pulls again");
        return EXIT_OK;
      }
      for (;;) {
        const state = (await client.drain()) as DrainData;
        if (!state.isDone) {
          await delay(ASK_AGAIN_MS);
          continue;
        }
        const { handedOver, kept, published } = state;
        for (const { localStreamName, node } of handedOver) console.log(`${localStreamName} → ${node}`);
        for (const { localStreamName, reason } of kept) console.error(`${localStreamName} stays here: ${reason}`);
        for (const name of published) console.error(`${name} is published here and cannot be moved`);
        return kept.length === 0 ? EXIT_OK : EXIT_FAILED;
      }
    });
  } catch (error) {
    console.error(`reel drain: ${connectionFailure(error)}`);
    return EXIT_FAILED;
  }
}
