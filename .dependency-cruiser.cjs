// The layers of src/, held by dependency-cruiser (`npm run lint`). Imports go down this list only:
//
//   cli → server → control → recording → (worker, stream, ingest) → arena → (time, abi)
//
// Type-only imports count: a layer that names a type of a higher one depends on it all the same.
// test/lint/layers.test.ts plants violations in a scratch tree and sees them caught by this very file.

/** Highest first. Folders of one line may import each other. */
const LAYERS = [["cli"], ["server"], ["control"], ["recording"], ["worker", "stream", "ingest"], ["arena"], ["time", "abi"]];

const folders = (layers) => `^src/(${layers.flat().join("|")})/`;

const layerRules = LAYERS.slice(1).map((layer, above) => ({
  name: `layer-${layer.join("-")}`,
  comment: `src/{${layer.join(",")}} imports only its own layer and those below it.`,
  severity: "error",
  from: { path: folders([layer]) },
  to: { path: `${folders(LAYERS.slice(0, above + 1))}|^src/index\\.ts$` },
}));

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: "no-cycles",
      comment: "A cycle means that two files are one concept, or that a type lives on the wrong side.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "abi-stands-alone",
      comment: "src/abi is compiled by tsc and by asc: its files hold constants and import nothing.",
      severity: "error",
      from: { path: "^src/abi/" },
      to: { path: ".+" },
    },
    {
      name: "assembly-knows-only-the-abi",
      comment: "The muxers share nothing with TypeScript but the layouts.",
      severity: "error",
      from: { path: "^assembly/" },
      to: { pathNot: "^(assembly|src/abi)/" },
    },
    {
      name: "only-asc-compiles-assembly",
      comment: "TypeScript reaches the muxers through the compiled module.",
      severity: "error",
      from: { path: "^(src|bench|test)/", pathNot: "^test/support/wasm-entry\\.ts$" },
      to: { path: "^assembly/" },
    },
    {
      name: "the-library-is-not-a-program",
      comment: "src/index.ts embeds the recorder: it may not reach the command line.",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/cli/", reachable: true },
    },
    {
      name: "the-client-is-light",
      comment: "reel/client runs in other people's programs: no server code may come with it.",
      severity: "error",
      from: { path: "^src/control/client\\.ts$" },
      to: {
        path: "^src/(cli|server|recording|worker|stream|ingest|arena|time)/|^src/index\\.ts$|/(fastify|pino|piscina|assemblyscript)/",
        reachable: true,
      },
    },
    {
      name: "product-does-not-import-tests",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|bench)/" },
    },
    {
      name: "product-uses-declared-dependencies",
      comment: "What src/ imports must be in `dependencies`; a type-only import may come from devDependencies.",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "resolvable",
      comment: "An import that cannot be resolved would escape every other rule. The benchmarks' peers are in a package of their own, installed where wanted.",
      severity: "error",
      from: { pathNot: "^bench/" },
      to: { couldNotResolve: true, pathNot: "^(\\./|\\.\\./)*dist/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
      extensions: [".ts", ".js", ".mjs", ".cjs", ".d.ts", ".json"],
    },
  },
};
