// How many connections a listener of the control interface holds, and whose they are. Strangers must not be able to
// lock the owner out by connecting and saying nothing:
//
//   full ─▶ the oldest connection that has proved nothing gives way    only proven ones left ─▶ the newcomer is refused
//
// A connection is proven when it has shown credentials, or, where none are configured, when it has sent a whole
// request. Addresses of the network have a share each, and together they leave some slots to loopback.

import type { Socket } from "node:net";
import { isLoopback } from "./loopback.js";

export interface SlotLimits {
  /** Connections at a time. */
  readonly total: number;
  /** Of one address of the network. */
  readonly perAddress: number;
  /** Slots that connections of the network leave free. */
  readonly keptForLoopback: number;
}

/** An eighth is loopback's. */
export function slotLimits(total: number, { connectionsPerAddress }: { connectionsPerAddress: number }): SlotLimits {
  return { total, perAddress: connectionsPerAddress, keptForLoopback: Math.ceil(total / 8) };
}

interface Holder {
  readonly address: string;
  readonly isLocal: boolean;
  isProven: boolean;
}

export class ConnectionSlots {
  /** In the order of their coming. */
  readonly #holders = new Map<Socket, Holder>();

  constructor(private readonly limits: SlotLimits) {}

  get size(): number {
    return this.#holders.size;
  }

  /**
   * Gives a new connection its slot until it closes. False where there is none: it was destroyed. A connection that
   * comes again (a request that is read anew) keeps its slot.
   */
  admit(socket: Socket): boolean {
    if (this.#holders.has(socket)) return true;
    const address = socket.remoteAddress;
    if (address === undefined) {
      socket.destroy();
      return false;
    }
    const isLocal = isLoopback(address);
    if (!this.#makeRoom(address, isLocal)) {
      socket.destroy();
      return false;
    }
    this.#holders.set(socket, { address, isLocal, isProven: false });
    socket.once("close", () => this.#holders.delete(socket));
    return true;
  }

  /** It has shown what it had to show: it gives way to nobody. */
  prove(socket: Socket): void {
    const holder = this.#holders.get(socket);
    if (holder) holder.isProven = true;
  }

  #makeRoom(address: string, isLocal: boolean): boolean {
    const { total, perAddress, keptForLoopback } = this.limits;
    if (!isLocal) {
      const isOfAddress = (holder: Holder): boolean => holder.address === address;
      if (this.#count(isOfAddress) >= perAddress && !this.#evict(isOfAddress)) return false;
      const isOfNetwork = (holder: Holder): boolean => !holder.isLocal;
      if (this.#count(isOfNetwork) >= total - keptForLoopback && !this.#evict(isOfNetwork)) return false;
    }
    return this.#holders.size < total || this.#evict((holder) => !holder.isLocal) || this.#evict(() => true);
  }

  #count(isMeant: (holder: Holder) => boolean): number {
    let count = 0;
    for (const holder of this.#holders.values()) if (isMeant(holder)) count++;
    return count;
  }

  /** Ends the oldest of those meant that has proved nothing. */
  #evict(isMeant: (holder: Holder) => boolean): boolean {
    for (const [socket, holder] of this.#holders) {
      if (holder.isProven || !isMeant(holder)) continue;
      this.#holders.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}
