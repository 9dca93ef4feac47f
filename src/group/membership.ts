// What makes a process a node of a group: its number, claimed when it joins for the first time and kept in its state
// folder.

import type { Logger } from "../base/logger.js";
import { ReelError } from "../base/reel-error.js";
import type { ConfigStore } from "../recording/config-store.js";
import type { JsonConfigStore } from "../recording/json-config-store.js";
import { SectionWriter } from "../recording/section-writer.js";
import { ensureClaimStream } from "./claim-log.js";
import { claimNodeNumber, isNodeNumber } from "./claimed-numbers.js";
import { DEFAULT_REPLICAS, type GroupSettings } from "./group-settings.js";
import type { Nats } from "./nats-connection.js";
import type { GroupSubjects } from "./subjects.js";
import { pause, within } from "./waiting.js";

const MEMBER_SECTION = "member";
/** A first start waits so long for a server of NATS, and for a leader of JetStream. */
const JOIN_MS = 15_000;
const AGAIN_MS = 500;

interface Member {
  readonly group: string;
  readonly name: string;
  readonly number: number;
}

/** undefined where this node has not been a member of that group, by that name. */
export function readMember(store: ConfigStore, group: string, name: string): number | undefined {
  const stored = store.get(MEMBER_SECTION)?.value as Partial<Member> | undefined;
  const { number } = stored ?? {};
  return isNodeNumber(number) && stored?.group === group && stored.name === name ? number : undefined;
}

export async function remember(store: JsonConfigStore, member: Member, logger: Logger): Promise<void> {
  const writer = new SectionWriter(store, MEMBER_SECTION, logger);
  writer.write(member);
  await writer.whenIdle();
  await store.flush();
}

/** Without a number of its own a node cannot name its streams: the first start needs NATS. */
export async function firstNumber(
  connecting: Promise<Nats>,
  subjects: GroupSubjects,
  name: string,
  { servers, replicas = DEFAULT_REPLICAS }: GroupSettings,
): Promise<number> {
  const endMs = performance.now() + JOIN_MS;
  const nats = await within(connecting, JOIN_MS);
  let cause: unknown;
  while (nats && performance.now() < endMs) {
    try {
      await ensureClaimStream(nats, subjects, replicas);
      const number = await claimNodeNumber(nats, subjects, name);
      if (number !== undefined) return number;
    } catch (error) {
      cause = error;
    }
    await pause(AGAIN_MS);
  }
  const seconds = JOIN_MS / 1000;
  const why = nats
    ? `JetStream took no stream of ${replicas} copies${cause ? ` (${(cause as Error).message})` : ""}: it needs as many servers, with JetStream on`
    : "no server of NATS answered: start one, or correct group.servers";
  throw new ReelError("badArgument", `group: ${servers.join(", ")}: within ${seconds} s ${why}`, {}, { cause });
}
