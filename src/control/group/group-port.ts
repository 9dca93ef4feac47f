// What the control plane asks of a group of recorders (src/group). A server without one has none of it.

export interface GroupNode {
  readonly number: number;
  readonly name: string;
  /** Heard within the last seconds. */
  readonly isAlive: boolean;
  /** It has said that it goes: what it has recorded is missing, but no stream of its. */
  readonly hasLeft: boolean;
}

export interface DrainProgress {
  /** Nothing is under way any more. */
  readonly isDone: boolean;
  readonly handedOver: readonly { configId: number; localStreamName: string; node: string }[];
  readonly kept: readonly { configId: number; localStreamName: string; reason: string }[];
  readonly waiting: number;
}

export interface GroupPort {
  /** This node's own. */
  readonly number: number;
  readonly nodeName: string;
  /** The others that have been heard within the last days, by number. */
  nodes(): readonly GroupNode[];
  /** The other nodes where a stream of that name lives too, by name. */
  conflictsOf(localStreamName: string): readonly string[];
  /** What another node answers, as plain JSON; undefined where it does not within the deadline. */
  ask(node: number, what: "command" | "route", body: unknown, deadlineMs: number): Promise<unknown>;
  /**
   * Puts an event on the group's stream. With the `sequence` of a ledger's entry it stands there once, however often it
   * is put. True when it stands there; false where that is not known.
   */
  publish(type: string, event: string, sequence?: number): Promise<boolean>;
  /** The newest entry of the ledger that was put there; undefined where none was. */
  readonly publishedUpTo: number | undefined;
  keepPublished(sequence: number): void;
  /** Gives every pull away, and takes none until `undrain`. Called again it tells how far it is. */
  drain(): DrainProgress;
  undrain(): void;
  /** Carries out what others ask of this node. */
  serve(what: "command" | "route", handler: (body: unknown, from: number) => Promise<unknown>): void;
}

/** Stream ids are a node's number times this, and a counter. */
export const STREAM_ID_SHIFT = 2 ** 32;
