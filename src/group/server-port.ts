// What a group needs of the server that is its node, and what it tells it.

import type { ConfigStore } from "../recording/config-store.js";
import type { SharedSection } from "./local-configs.js";
import type { LiveNames } from "./name-conflicts.js";

/** What of a server's the group shares. */
export interface Shared {
  /** The recorder's. */
  readonly store: ConfigStore;
  readonly sections: readonly SharedSection[];
  /** Called when this node has a pull that another had. */
  readonly onMoved: (moved: MovedPull) => void;
  /** The streams that live at this node. */
  readonly live: () => LiveNames;
  /** Called when a stream of this node lives at others too, by their names. */
  readonly onConflict: (localStreamName: string, nodes: readonly string[]) => void;
}

/** A pull that another node had, and this one has now. */
export interface MovedPull {
  readonly configId: number;
  readonly localStreamName: string;
  readonly epoch: number;
  /** The nodes by name; a number where it was never heard. */
  readonly from: string;
  readonly to: string;
  /** `handedOver`: both pulled it for `overlapMs`. `ownerGone`: nobody was heard of for `silentMs`. */
  readonly cause: "handedOver" | "ownerGone";
  readonly overlapMs: number | null;
  readonly silentMs: number | null;
}
