// Expositions of several nodes as one: every sample gets the label `node`, and the samples of a family stand together,
// as the format wants.

export interface NodeExposition {
  readonly node: string;
  readonly text: string;
}

interface Family {
  readonly head: string[];
  readonly samples: string[];
}

export function joinExpositions(expositions: readonly NodeExposition[]): string {
  const families = new Map<string, Family>();
  for (const { node, text } of expositions) {
    const label = `node="${node.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
    let family: Family = { head: [], samples: [] };
    let isKnown = false;
    for (const line of text.split("\n")) {
      const [, kind, name = ""] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind === "HELP") {
        isKnown = families.has(name);
        family = families.get(name) ?? { head: [], samples: [] };
        families.set(name, family);
      }
      if (kind !== undefined) {
        if (!isKnown) family.head.push(line);
      } else if (line !== "" && !line.startsWith("#")) family.samples.push(withLabel(line, label));
    }
  }
  return [...families.values()].map(({ head, samples }) => `${[...head, ...samples].join("\n")}\n`).join("");
}

function withLabel(line: string, label: string): string {
  const [, name = "", rest = ""] = /^([A-Za-z_:][\w:]*)(.*)$/s.exec(line) ?? [];
  return rest.startsWith("{") ? `${name}{${label},${rest.slice(1)}` : `${name}{${label}}${rest}`;
}
