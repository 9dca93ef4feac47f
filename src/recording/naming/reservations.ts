// Names in use by this server's recordings. A base path is reserved while a recording runs on it and until the last of
// its segments is final; a segment's own path while it is written or finished. Two recordings never share a target.

interface Reservation {
  holders: number;
  /** True while something still writes to it, false while it is only being finished. */
  active: number;
}

export class Reservations {
  #names = new Map<string, Reservation>();

  has(path: string): boolean {
    return this.#names.has(path);
  }

  isActive(path: string): boolean {
    return (this.#names.get(path)?.active ?? 0) > 0;
  }

  /** Several segments of one recording may hold its base path. */
  take(path: string): void {
    let reservation = this.#names.get(path);
    if (!reservation) {
      reservation = { holders: 0, active: 0 };
      this.#names.set(path, reservation);
    }
    reservation.holders++;
    reservation.active++;
  }

  /** The holder no longer writes; what it wrote is being finished. */
  finishing(path: string): void {
    const reservation = this.#names.get(path);
    if (reservation && reservation.active > 0) reservation.active--;
  }

  /** To be called after `finishing`. */
  free(path: string): void {
    const reservation = this.#names.get(path);
    if (reservation && --reservation.holders === 0) this.#names.delete(path);
  }

  /** A name that was reserved and never written to. */
  giveBack(path: string): void {
    this.finishing(path);
    this.free(path);
  }
}
