// Carries a command out where it belongs in a group: at the node that `node` names, at the nodes that have the stream
// or the config, or at all. What a node that lives does not answer in time is said in the reply, never left out in
// silence.

import type { Command } from "../commands/command.js";
import type { CommandRequest } from "../commands/grammar.js";
import { fail, isValueArray, isValueObject, type Reply, success, type Value } from "../replies/reply.js";
import { type GroupNode, type GroupPort, STREAM_ID_SHIFT } from "./group-port.js";
import type { NodeAnswer } from "./reach.js";
import { decodeReply, encodeReply } from "./reply-wire.js";

/** Lists come from memory. */
const LIST_MS = 2000;
/** A command may wait for a disk. */
const COMMAND_MS = 10_000;

export type RunHere = (request: CommandRequest) => Promise<Reply>;

interface Asked {
  readonly node: GroupNode;
  /** undefined: it did not answer. */
  readonly reply: Reply | undefined;
}

export class GroupDispatch {
  constructor(
    private readonly group: GroupPort,
    /** Carries a command out at this node, and tells nobody of it. */
    private readonly runHere: RunHere,
  ) {
    group.serve("command", async (body) => encodeReply(await runHere(readRequest(body))));
  }

  run(command: Command, request: CommandRequest): Promise<Reply> {
    const node = parameterOf(request, "node");
    if (node !== undefined) return this.#runAt(node, request);
    if (command.reach === "here") return this.runHere(request);
    if (command.reach === "stream") return this.#runAtStream(request);
    if (command.reach === "config") return this.#runAtConfig(request);
    return this.#runAtAll(command.reach.merge, request);
  }

  async #runAt(name: string, request: CommandRequest): Promise<Reply> {
    if (name === this.group.nodeName) return this.runHere(request);
    const nodes = this.#nodes();
    const node = nodes.find((candidate) => candidate.name === name);
    if (!node) {
      const known = [this.group.nodeName, ...nodes.map((candidate) => candidate.name)].join(", ");
      return fail(`There is no node ${name} in this group; known are ${known}`);
    }
    return this.#ask(node, request);
  }

  async #ask(node: GroupNode, request: CommandRequest): Promise<Reply> {
    const { reply } = await this.#askOne(node, request, COMMAND_MS);
    return reply ?? fail(`Node ${node.name} does not answer: whether the command was carried out is not known`);
  }

  async #askOne(node: GroupNode, request: CommandRequest, deadlineMs: number): Promise<Asked> {
    const body = node.isAlive ? await this.group.ask(node.number, "command", request, deadlineMs) : undefined;
    return { node, reply: decodeReply(body) };
  }

  /** What runs is not at those that have gone. */
  #nodes(): GroupNode[] {
    return this.group.nodes().filter(({ hasLeft }) => !hasLeft);
  }

  /** This node's answer, and that of every other. */
  async #askAll(request: CommandRequest): Promise<{ own: Reply; others: Asked[] }> {
    const asking = this.#nodes().map((node) => this.#askOne(node, request, LIST_MS));
    return { own: await this.runHere(request), others: await Promise.all(asking) };
  }

  async #runAtAll(merge: (answers: readonly NodeAnswer[]) => Value, request: CommandRequest): Promise<Reply> {
    const { own, others } = await this.#askAll(request);
    const answers = [{ name: this.group.nodeName, reply: own }, ...others.map(nameAndReply)].flatMap(
      ({ name, reply }): NodeAnswer[] => (reply?.status === "SUCCESS" ? [{ node: name, data: reply.data }] : []),
    );
    const unanswered = silent(others);
    if (answers.length === 0) return withSilent(own, unanswered);
    const { description } =
      own.status === "SUCCESS" ? own : (others.find(({ reply }) => reply?.status === "SUCCESS")?.reply ?? own);
    return withSilent(success(description, merge(answers)), unanswered);
  }

  /** By its id, which names the node, or at every node that has a stream of that name. */
  async #runAtStream(request: CommandRequest): Promise<Reply> {
    const id = Number(parameterOf(request, "id") ?? Number.NaN);
    if (Number.isFinite(id)) {
      const number = Math.floor(id / STREAM_ID_SHIFT);
      const node = this.#nodes().find((candidate) => candidate.number === number);
      if (node) return this.#ask(node, request);
      if (number > 0 && number !== this.group.number)
        return fail(`Node ${number} of the group, whose stream ${id} is, is not heard`);
      return this.runHere(request);
    }
    const name = parameterOf(request, "localStreamName");
    if (name === undefined || name === "") return this.runHere(request);
    const { own, others } = await this.#askAll(question("isStreamRunning", "localStreamName", name));
    const there = others.filter(({ reply }) => isRunning(reply));
    const unanswered = silent(others);
    if (!isRunning(own) && there.length === 0) {
      // It may be that node's, and what waits for it here must not be taken for all there is.
      const mute = others.find(({ node, reply }) => node.isAlive && !reply);
      if (mute) return withSilent(fail(`No node that answers has a stream ${name}`), unanswered);
      return withSilent(await this.runHere(request), unanswered);
    }
    const replies = await Promise.all([
      ...(isRunning(own) ? [this.runHere(request)] : []),
      ...there.map(({ node }) => this.#ask(node, request)),
    ]);
    return withSilent(joined(replies), unanswered);
  }

  /** Configs that are the group's are on every node; others of one alone. */
  async #runAtConfig(request: CommandRequest): Promise<Reply> {
    const id = parameterOf(request, "id");
    if (id === undefined) return this.runHere(request);
    const { own, others } = await this.#askAll(question("getConfigInfo", "id", id));
    const there = own.status === "FAIL" ? others.find(({ reply }) => reply?.status === "SUCCESS") : undefined;
    return there ? this.#ask(there.node, request) : this.runHere(request);
  }
}

/** The last one counts, names in any case, as everywhere (command.ts). */
function parameterOf({ parameters }: CommandRequest, name: string): string | undefined {
  return parameters.findLast((parameter) => parameter.name.toLowerCase() === name.toLowerCase())?.text.trim();
}

function question(command: string, name: string, text: string): CommandRequest {
  return { command, parameters: [{ name, text, items: [text] }], hasArguments: true, commandId: undefined };
}

/** Throws for what is no request: another version may ask otherwise. */
function readRequest(body: unknown): CommandRequest {
  const { command, parameters, hasArguments } = body as Partial<CommandRequest>;
  if (typeof command !== "string" || !Array.isArray(parameters)) throw new Error("no command");
  return { command, parameters, hasArguments: hasArguments === true, commandId: undefined };
}

function nameAndReply({ node, reply }: Asked): { name: string; reply: Reply | undefined } {
  return { name: node.name, reply };
}

function isRunning(reply: Reply | undefined): boolean {
  return reply !== undefined && isValueObject(reply.data) && reply.data.Running === true;
}

function silent(asked: readonly Asked[]): string[] {
  return asked.filter(({ reply }) => !reply).map(({ node }) => node.name);
}

function withSilent(reply: Reply, unanswered: readonly string[]): Reply {
  if (unanswered.length === 0) return reply;
  return { ...reply, description: `${reply.description} (no answer from ${unanswered.join(", ")})`, unanswered };
}

/** Of nodes that have carried out one command: lists are put together, of anything else the first is shown. */
function joined(replies: readonly Reply[]): Reply {
  const done = replies.filter(({ status }) => status === "SUCCESS");
  const [first] = done.length > 0 ? done : replies;
  if (done.length < 2 || !done.every(({ data }) => isValueArray(data))) return first as Reply;
  return { ...(first as Reply), data: done.flatMap(({ data }) => data as readonly Value[]) };
}
