// Guesses which known name a mistyped one was meant to be, for messages that refuse a key or a value.

/** Nobody mistypes a name into so many characters, and the distance costs their product. */
const LONGEST = 64;

/** The known name that is nearest to `name`; undefined where none is near. */
function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length > LONGEST) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    // Half of the shorter one: the longer a name, the more of any short one is in it.
    if (distance >= least || distance > Math.max(2, Math.min(name.length, candidate.length) / 2)) continue;
    best = candidate;
    least = distance;
  }
  return best;
}

/** `; did you mean x?`, or nothing. */
export function suggestion(name: string, known: Iterable<string>): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : `; did you mean ${nearest}?`;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
