// Names in use by this server's recordings. A base path is reserved while a recording runs on it and until the last of
// its segments is final; a segment's own path while it is written or finished. Two recordings never share a target.
//
//   take ─▶ Reservation ─▶ stopWriting ─▶ release        (release alone does both)
//
// Who holds a `Reservation` releases it, once and on every way out. A second call of a verb does nothing.
//
// The file of a name may be deleted while nobody holds the name, or only runs do that have left its file behind
// (`leaveFile`: an unchunked recording that was cut goes on under other names). Who wants it meanwhile (overwrite=1)
// takes it, then waits: what it opened before the deletion has ended would go in place of the old file.

interface Name {
  holders: number;
  /** Holders that still write to it; the others only finish it. */
  writers: number;
  /** Holders that keep others away, and open no file of it any more. */
  done: number;
}

type Step = "stopWriting" | "leaveFile" | "release";

export class Reservation {
  #isWriting = true;
  #isHeld = true;
  #leavesFile = false;

  constructor(
    readonly path: string,
    private readonly end: (step: Step) => void,
  ) {}

  /** The holder no longer writes; what it wrote is being finished. */
  stopWriting(): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.end("stopWriting");
  }

  /** The holder keeps the name, and never opens its file again: that may be deleted. */
  leaveFile(): void {
    if (!this.#isHeld || this.#leavesFile) return;
    this.#leavesFile = true;
    this.end("leaveFile");
  }

  release(): void {
    if (!this.#isHeld) return;
    this.leaveFile();
    this.stopWriting();
    this.#isHeld = false;
    this.end("release");
  }
}

export class Reservations {
  readonly #names = new Map<string, Name>();
  readonly #deletions = new Map<string, Promise<void>>();
  #releases = 0;

  /** How many names nobody holds any more. */
  get releases(): number {
    return this.#releases;
  }

  /** Reserved, by whomever. */
  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** True while somebody writes to it. */
  isActive(path: string): boolean {
    return (this.#names.get(path)?.writers ?? 0) > 0;
  }

  /** Names that are held. */
  get paths(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** Returns a function that ends it; undefined where a holder may open its file, or somebody deletes it already. */
  beginDeletion(path: string): (() => void) | undefined {
    const name = this.#names.get(path);
    if ((name && name.done < name.holders) || this.#deletions.has(path)) return undefined;
    let resolve = (): void => {};
    const ended = new Promise<void>((done) => {
      resolve = done;
    });
    this.#deletions.set(path, ended);
    return () => {
      this.#deletions.delete(path);
      resolve();
    };
  }

  /** Resolves when nobody deletes the file of that name. Who holds the name keeps others from beginning to. */
  async whenNotDeleting(path: string): Promise<void> {
    await this.#deletions.get(path);
  }

  /** One more holder of a name: dated recordings share a folder, a recording's first segment may have its base path. */
  take(path: string): Reservation {
    let name = this.#names.get(path);
    if (!name) {
      name = { holders: 0, writers: 0, done: 0 };
      this.#names.set(path, name);
    }
    const taken = name;
    taken.holders++;
    taken.writers++;
    return new Reservation(path, (step) => {
      if (step === "stopWriting") taken.writers--;
      else if (step === "leaveFile") taken.done++;
      else {
        taken.done--;
        if (--taken.holders > 0) return;
        this.#names.delete(path);
        this.#releases++;
      }
    });
  }
}
