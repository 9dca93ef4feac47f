// Names of streams that live at two nodes. A publisher cannot be moved, so who publishes a name that another node has
// is recorded there as well; here it is found out, told once, and shown for as long as it is so. A pull of the group at
// two nodes is none: one hands it to the other.

/** The streams that live at a node. */
export interface LiveNames {
  readonly published: readonly string[];
  /** By configs: those of the group run on one node, but for the moment of a hand-over. */
  readonly pulled: readonly string[];
}

export class NameConflicts {
  readonly #others = new Map<number, { readonly published: Set<string>; readonly pulled: Set<string> }>();
  /** Nodes of them that were dead when it was compared last. */
  readonly #gone = new Set<number>();
  #conflicts = new Map<string, readonly number[]>();

  heard(node: number, { published, pulled }: LiveNames): void {
    this.#gone.delete(node);
    this.#others.set(node, { published: new Set(published), pulled: new Set(pulled) });
  }

  /**
   * Compares with what lives here now, of the nodes that live. Returns the conflicts that have a node more than before.
   */
  compare(own: LiveNames, isAlive: (node: number) => boolean): { name: string; nodes: readonly number[] }[] {
    this.#forget(isAlive);
    const others = [...this.#others].filter(([node]) => isAlive(node)).sort(([a], [b]) => a - b);
    const found = new Map<string, number[]>();
    const look = (name: string, isPulled: boolean): void => {
      const nodes = others.filter(
        ([, { published, pulled }]) => published.has(name) || (!isPulled && pulled.has(name)),
      );
      if (nodes.length > 0) found.set(name, [...new Set([...(found.get(name) ?? []), ...nodes.map(([node]) => node)])]);
    };
    for (const name of own.published) look(name, false);
    for (const name of own.pulled) look(name, true);
    const before = this.#conflicts;
    this.#conflicts = found;
    const isNew = (name: string, node: number): boolean => !before.get(name)?.includes(node);
    return [...found]
      .filter(([name, nodes]) => nodes.some((node) => isNew(name, node)))
      .map(([name, nodes]) => ({ name, nodes }));
  }

  /** One that comes back tells its names again. They may come before its first heartbeat, so they wait a turn. */
  #forget(isAlive: (node: number) => boolean): void {
    for (const node of this.#others.keys()) {
      if (isAlive(node)) this.#gone.delete(node);
      else if (this.#gone.has(node)) {
        this.#gone.delete(node);
        this.#others.delete(node);
      } else this.#gone.add(node);
    }
  }

  /** How many other nodes' names are kept. */
  get count(): number {
    return this.#others.size;
  }

  /** The other nodes where a stream of that name lives too. */
  of(name: string): readonly number[] {
    return this.#conflicts.get(name) ?? [];
  }
}
