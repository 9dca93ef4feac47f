// The rules in their order, and which of them are for a stream: the first that matches, and those with `also`. They
// live in the config store; those of the server's configuration stand in front, and keep their ids as long as they are
// what they were. The others stand in the order in which they were added, at whichever recorder of a group.

import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../../base/logger.js";
import { ReelError } from "../../base/reel-error.js";
import { MAX_PAST_SECONDS, secondsFor } from "../../stream/past.js";
import type { ConfigStore } from "../config-store.js";
import { isConfigId } from "../record-options.js";
import { SectionWriter } from "../section-writer.js";
import { type NamePattern, namePattern } from "./name-pattern.js";
import { checkRule, type RecordRule, type RuleOptions } from "./record-rule.js";

const SECTION = "rules";
/** Each is asked for every stream that opens. */
const MAX_RULES = 1000;

interface Compiled {
  readonly rule: RecordRule;
  readonly matches: NamePattern;
}

export class RuleList {
  #rules: Compiled[];
  readonly #saved: SectionWriter;

  /** Throws ReelError `badArgument`, `badPath` where a rule of the configuration cannot be. */
  constructor(
    store: ConfigStore,
    configured: readonly RuleOptions[],
    private readonly nextId: () => number,
    private readonly logger: Logger,
    private readonly wallMs: () => number,
  ) {
    this.#saved = new SectionWriter(store, SECTION, logger);
    const stored = readRules(store.get(SECTION)?.value, logger);
    const before = stored.filter(({ isConfigured }) => isConfigured);
    const fromFile = configured.map((options, place) => {
      checkConfigured(options, place);
      const plain = JSON.parse(JSON.stringify(options)) as RuleOptions;
      const at = before.findIndex((rule) => isDeepStrictEqual(rule.options, plain));
      const [same] = at < 0 ? [] : before.splice(at, 1);
      return same ?? { ruleId: nextId(), options: plain, isConfigured: true };
    });
    const rules = [...fromFile, ...stored.filter(({ isConfigured }) => !isConfigured)];
    this.#rules = rules.map(compile);
    if (!isDeepStrictEqual(rules, stored)) this.#save();
  }

  get all(): readonly RecordRule[] {
    return this.#rules.map(({ rule }) => rule);
  }

  get(ruleId: number): RecordRule | undefined {
    return this.all.find((rule) => rule.ruleId === ruleId);
  }

  /** Those that record a stream, in their order. */
  matching(localStreamName: string): RecordRule[] {
    const found: RecordRule[] = [];
    let isTaken = false;
    for (const { rule, matches } of this.#rules) {
      if (isTaken && !rule.options.also) continue;
      if (!matches(localStreamName)) continue;
      found.push(rule);
      isTaken ||= !rule.options.also;
    }
    return found;
  }

  /** What its rules want to begin with is kept of a stream's past: so many seconds, 0 = nothing. */
  pastSecondsOf(localStreamName: string): number {
    if (!this.#rules.some(({ rule }) => rule.options.from !== undefined)) return 0;
    return Math.max(0, ...this.matching(localStreamName).map(({ options }) => secondsFor(options.from)));
  }

  /** At the end. Throws ReelError `badArgument`, `badPath`, `limit`. */
  add(options: RuleOptions): RecordRule {
    checkRule(options);
    checkPast(options);
    this.#checkCount();
    const newestMs = Math.max(0, ...this.all.map(({ createdMs = 0 }) => createdMs));
    const createdMs = Math.max(Math.round(this.wallMs()), newestMs + 1);
    return this.#put({ ruleId: this.nextId(), options: { ...options }, isConfigured: false, createdMs });
  }

  /** One that another recorder has stored. Throws ReelError `badArgument`, `limit`. */
  adopt(stored: unknown): RecordRule {
    const [rule] = readRules([stored], this.logger);
    if (!rule || rule.isConfigured || this.get(rule.ruleId))
      throw new ReelError("badArgument", "the rule cannot be read, or its id is another's");
    this.#checkCount();
    return this.#put(rule);
  }

  #checkCount(): void {
    if (this.#rules.length >= MAX_RULES)
      throw new ReelError("limit", `there are ${MAX_RULES} rules already: remove some (removeRule)`);
  }

  #put(rule: RecordRule): RecordRule {
    const behind = this.all.findIndex((other) => !other.isConfigured && compareAge(rule, other) < 0);
    this.#rules = this.#rules.toSpliced(behind < 0 ? this.#rules.length : behind, 0, compile(rule));
    this.#save();
    return rule;
  }

  /** undefined where there is none. Throws ReelError `badArgument` where it stands in the configuration. */
  remove(ruleId: number): RecordRule | undefined {
    const rule = this.get(ruleId);
    if (rule?.isConfigured)
      throw new ReelError("badArgument", `rule ${ruleId} stands in rules of reel.json: take it out there`);
    if (!rule) return undefined;
    this.#rules = this.#rules.filter((other) => other.rule !== rule);
    this.#save();
    return rule;
  }

  async whenSaved(): Promise<void> {
    await this.#saved.whenIdle();
  }

  #save(): void {
    this.#saved.write(this.all);
  }
}

function compareAge(a: RecordRule, b: RecordRule): number {
  return (a.createdMs ?? 0) - (b.createdMs ?? 0) || a.ruleId - b.ruleId;
}

function compile(rule: RecordRule): Compiled {
  return { rule, matches: namePattern(rule.options.pattern) };
}

function checkConfigured(options: RuleOptions, place: number): void {
  try {
    checkRule(options);
    checkPast(options);
  } catch (error) {
    if (!(error instanceof ReelError)) throw error;
    throw new ReelError(error.code, `rules[${place}] of reel.json: ${error.message}`, {}, { cause: error });
  }
}

/** Throws ReelError `badArgument`. Rules that are stored already keep less than they say. */
function checkPast({ from }: RuleOptions): void {
  if (typeof from === "number" && from > MAX_PAST_SECONDS)
    throw new ReelError("badArgument", `from: a rule keeps at most ${MAX_PAST_SECONDS} s of its streams' past`);
}

/** Rules that the command would refuse are named in the log and left out. */
function readRules(saved: unknown, logger: Logger): RecordRule[] {
  if (!Array.isArray(saved)) return [];
  return saved.flatMap((value: unknown) => {
    try {
      const { ruleId, options, isConfigured, createdMs } = value as RecordRule;
      if (!isConfigId(ruleId)) throw new ReelError("badArgument", "ruleId is missing, or no id");
      checkRule(options);
      const isDated = Number.isSafeInteger(createdMs);
      return [{ ruleId, options, isConfigured: isConfigured === true, ...(isDated && { createdMs }) } as RecordRule];
    } catch (error) {
      logger.warn({ err: error, rule: value }, "a saved rule cannot be used and is left out");
      return [];
    }
  });
}
