// In how many ways a backtracking engine may try a regular expression on the longest name: each repetition can end
// anywhere, each `?` is there or not, each `|` is one more way. `.*.*.*x` takes 4 s for one name of 255 characters, on
// the thread that serves all streams, and `(a+)+` or forty times `a?` longer than anybody waits.
//
//   ^cam.*-(front|back)?$     256 × (2 + 1) = 768        not anchored: × 256, since it may begin anywhere

/** Of characters of a name, and one: where a repetition may end. */
const PLACES = 256;
/** Some 0.1 s of a busy machine at the worst, measured with `^.*.*.*x`. */
export const MAX_WAYS = PLACES ** 3;

/** An open group: the alternatives that are complete, and the one that is being read. */
interface Group {
  sum: number;
  product: number;
}

const REPETITION = /[*+?]|\{(\d+)(?:,(\d*))?\}/y;
/** What says of a group what it is. */
const GROUP_KIND = /\?(?:[:=!]|<[=!]|<[^>]*>)/y;

/** Infinity where a group that has a choice is repeated: its ways multiply. `source` is a valid expression. */
export function waysThrough(source: string): number {
  const flat = source.replace(/\\(?:u\{[^}]*\}|[pPk][{<][^}>]*[}>]|.)/gs, "_").replace(/\[[^\]]*\]/g, "_");
  const open: Group[] = [{ sum: 0, product: 1 }];
  let isAnchored = flat.startsWith("^");
  for (let at = 0; at < flat.length; ) {
    const group = open.at(-1) as Group;
    const character = flat[at++] as string;
    if (character === "(") {
      open.push({ sum: 0, product: 1 });
      at = endOf(GROUP_KIND, flat, at) ?? at;
      continue;
    }
    if (character === "|") {
      group.sum += group.product;
      group.product = 1;
      if (open.length === 1) isAnchored = false;
      continue;
    }
    let own = 1;
    if (character === ")") {
      open.pop();
      own = group.sum + group.product;
    }
    const parent = open.at(-1) as Group;
    const end = endOf(REPETITION, flat, at);
    parent.product *= end === undefined ? own : repeated(own, flat.slice(at, end));
    at = end ?? at;
    // A lazy one.
    if (end !== undefined && flat[at] === "?") at++;
  }
  const [{ sum, product }] = open as [Group];
  return (sum + product) * (isAnchored ? 1 : PLACES);
}

function repeated(own: number, repetition: string): number {
  if (repetition === "?") return own + 1;
  if (own > 1) return Number.POSITIVE_INFINITY;
  const [from, to = from] = repetition.slice(1, -1).split(",");
  if (repetition === "*" || repetition === "+" || to === "") return PLACES;
  return Math.min(PLACES, Number(to) - Number(from) + 1);
}

function endOf(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
