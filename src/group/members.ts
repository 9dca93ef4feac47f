// Who of a group lives, as this node hears it: heartbeats over core NATS, judged by this node's own monotonic clock. A
// node that is not heard for 3 s is dead for this one. What this node could not hear is nobody's death: a connection
// that was gone, and a process that was stopped, give everybody 3 s more.

import type { Millis } from "../time/units.js";

export const HEARTBEAT_MS = 500;
export const DEAD_MS = 3000;
/** A node that has not been heard for so long is not expected any more (known-nodes.ts keeps to it over restarts). */
export const FORGET_MS = 7 * 86_400_000;
/** A tick that comes so late says that this process stood still. */
const STOOD_STILL_MS = 3 * HEARTBEAT_MS;

export interface Heartbeat {
  readonly node: number;
  /** Of this run of the process: two processes of one number are a mistake. */
  readonly instance: string;
  readonly name: string;
  /** How much it takes beside the others (placement.ts). */
  readonly weight: number;
  /** It gives its pulls away and takes none. */
  readonly isDraining: boolean;
  /** Its last: it ends in good order. */
  readonly isLast: boolean;
}

interface Member {
  beat: Heartbeat;
  heardMs: Millis;
  /** Its last heartbeat, of whatever kind. */
  lastMs: Millis;
  sinceMs: Millis;
  /** Others were heard when it had been silent for too long: what this node cannot hear later changes nothing of it. */
  isDead: boolean;
}

export interface LiveMember extends Heartbeat {
  /** Since when it has been heard without a break. */
  readonly sinceMs: Millis;
}

export class Members {
  readonly #members = new Map<number, Member>();
  /** Nobody is dead for what was not heard before. */
  #deafUntilMs: Millis;
  #tickMs: Millis;
  /** When any other node was heard last: until then this one could hear. */
  #lastHeardMs: Millis = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly self: number,
    private readonly nowMs: () => Millis,
  ) {
    this.#deafUntilMs = nowMs();
    this.#tickMs = nowMs();
  }

  hear(beat: Heartbeat): void {
    const nowMs = this.nowMs();
    if (beat.isLast) {
      const known = this.#members.get(beat.node);
      if (known === undefined || known.beat.instance === beat.instance)
        this.#members.set(beat.node, {
          beat,
          heardMs: Number.NEGATIVE_INFINITY,
          lastMs: nowMs,
          sinceMs: nowMs,
          isDead: true,
        });
      return;
    }
    this.#lastHeardMs = nowMs;
    const known = this.#members.get(beat.node);
    const sinceMs = known && !this.#isSilent(known) ? known.sinceMs : nowMs;
    this.#members.set(beat.node, { beat, heardMs: nowMs, lastMs: nowMs, sinceMs, isDead: false });
  }

  /** Called with every heartbeat of this node's own. True where this process has stood still meanwhile. */
  tick(): boolean {
    const nowMs = this.nowMs();
    const stoodStill = nowMs - this.#tickMs > STOOD_STILL_MS;
    this.#tickMs = nowMs;
    if (stoodStill) this.deaf();
    for (const [node, { lastMs }] of this.#members) if (nowMs - lastMs >= FORGET_MS) this.#members.delete(node);
    return stoodStill;
  }

  /**
   * Nothing could be heard until now. Who was dead before stays so: a claim without an answer, or a turn of this
   * process that took long, gave the pulls of a killed node 3 s more without anybody (8.3 s in all, once in ten).
   */
  deaf(): void {
    for (const member of this.#members.values())
      member.isDead ||= this.#lastHeardMs - Math.max(member.heardMs, this.#deafUntilMs) >= DEAD_MS;
    this.#deafUntilMs = this.nowMs();
  }

  /**
   * False for a node that has been silent for too long. One that was never heard lives until it could have been heard
   * for that time.
   */
  isAlive(node: number): boolean {
    if (node === this.self) return true;
    const member = this.#members.get(node);
    return member ? !this.#isSilent(member) : this.nowMs() - this.#deafUntilMs < DEAD_MS;
  }

  /** The others that live and have been heard, by number. */
  live(): LiveMember[] {
    return [...this.#members.values()]
      .filter((member) => !this.#isSilent(member) && member.heardMs !== Number.NEGATIVE_INFINITY)
      .map(({ beat, sinceMs }) => ({ ...beat, sinceMs }))
      .sort((a, b) => a.node - b.node);
  }

  /** For how long a node has not been heard; undefined where it never was, or has said that it goes. */
  silentMs(node: number): Millis | undefined {
    const heardMs = this.#members.get(node)?.heardMs ?? Number.NEGATIVE_INFINITY;
    return heardMs === Number.NEGATIVE_INFINITY ? undefined : this.nowMs() - heardMs;
  }

  /** Every node that was heard in this run, within the last days. */
  known(): Heartbeat[] {
    return [...this.#members.values()].map(({ beat }) => beat).sort((a, b) => a.node - b.node);
  }

  #isSilent({ heardMs, isDead }: Member): boolean {
    if (isDead) return true;
    return this.nowMs() - Math.max(heardMs, this.#deafUntilMs) >= DEAD_MS;
  }
}
