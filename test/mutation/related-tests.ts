// Which tests should notice a mutant, from the fastest to the slowest: a step runs only for what survived the one
// before.

interface Related {
  prefix: string;
  steps: readonly (readonly string[])[];
}

const RECORDER = ["test/e2e/recorder.test.ts"];
const FAULTS = ["test/e2e/recorder-faults.test.ts"];
const DISKS = ["test/fault/full-disk-files.test.ts", "test/fault/broken-disk.test.ts"];

const RELATED: readonly Related[] = [
  {
    prefix: "assembly/",
    steps: [
      ["test/unit/assembly"],
      ["test/concurrency", ...DISKS, ...RECORDER],
      ["test/property/muxers.test.ts", "test/property/membership.test.ts", ...FAULTS],
    ],
  },
  {
    prefix: "src/arena/",
    steps: [
      ["test/unit/arena"],
      ["test/unit/stream", "test/unit/assembly/drain.test.ts", "test/unit/recording"],
      ["test/concurrency", ...DISKS, ...RECORDER],
    ],
  },
  {
    prefix: "src/worker/",
    steps: [
      ["test/unit/worker"],
      [...DISKS, ...RECORDER],
      ["test/fault/lost-file.test.ts", "test/fault/dead-threads.test.ts", "test/fault/power-cut.test.ts", ...FAULTS],
    ],
  },
  {
    prefix: "src/recording/finishing/",
    steps: [
      ["test/unit/recording/finishing"],
      ["test/unit/recording"],
      ["test/e2e/recovery.test.ts", ...DISKS, ...RECORDER],
      [...FAULTS, "test/fault/finish-disk-full.test.ts", "test/e2e/two-servers.test.ts"],
    ],
  },
  {
    prefix: "src/recording/naming/",
    steps: [["test/unit/recording/naming"], ["test/unit/recording", ...RECORDER], FAULTS],
  },
];

/** Where mutants are planted unless --path says otherwise. */
export const MUTATED: readonly string[] = [
  "assembly/drain.ts",
  "src/arena",
  "src/worker",
  "src/recording/finishing",
  "src/recording/naming",
];

export function relatedTests(path: string): Related["steps"] {
  const found = RELATED.find(({ prefix }) => path.startsWith(prefix));
  if (!found) throw new Error(`no tests are named for ${path}: add it to test/mutation/related-tests.ts`);
  return found.steps;
}
