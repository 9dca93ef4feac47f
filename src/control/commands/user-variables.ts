// User variables (ems-record-spec §1.1): parameters whose names begin with `_`. They are stored with the config and
// shown wherever it is shown.

import type { RawParameter } from "./grammar.js";

export type Variables = Readonly<Record<string, string>>;

/** Names and values verbatim, always strings. Without a prototype, so that `__proto__` is a name like any other. */
export function readVariables(parameters: readonly RawParameter[]): Variables {
  const variables: Record<string, string> = Object.create(null);
  for (const raw of parameters) if (raw.name.startsWith("_") && !raw.isUnusable) variables[raw.name] = raw.text;
  return variables;
}
