// The layers of src/, held by dependency-cruiser (`npm run lint`). Imports go down this list only:
//
//   cli → server → (control, web, metrics) → (retention, upload, playback, preview, group) → recording → catalog
//       → verify → worker → container → ingest → stream → arena → media → base → (time, abi)
//
// The client runs in other people's programs and imports nothing of these; anybody may use its types.
//
// Type-only imports count: a layer that names a type of a higher one depends on it all the same.
// test/lint/layers.test.ts plants violations in a scratch tree and sees them caught by this very file.

/** Highest first. Folders of one line may not import each other, unless the line says so. */
const LAYERS = [
  ["cli"],
  ["server"],
  ["control", "web", "metrics"],
  ["retention", "upload", "playback", "preview", "group"],
  ["recording"],
  ["catalog"],
  ["verify"],
  ["worker"],
  ["container"],
  ["ingest"],
  ["stream"],
  ["arena"],
  ["media"],
  ["base"],
  ["time", "abi"],
];

const folders = (layers) => `^src/(${layers.flat().join("|")})/`;

const layerRules = LAYERS.slice(1).map((layer, above) => ({
  name: `layer-${layer.join("-")}`,
  comment: `src/{${layer.join(",")}} imports only its own layer and those below it.`,
  severity: "error",
  from: { path: folders([layer]) },
  to: { path: `${folders(LAYERS.slice(0, above + 1))}|^src/index\\.ts$` },
}));

/** Rooms of one layer know nothing of each other: each reads what lies below. */
const siblingRules = LAYERS.filter((layer) => layer.length > 1 && !layer.includes("time"))
  .flat()
  .map((room) => ({
    name: `siblings-${room}`,
    comment: `src/${room} knows no other room of its layer.`,
    severity: "error",
    from: { path: `^src/${room}/` },
    to: { path: folders([LAYERS.find((layer) => layer.includes(room)).filter((other) => other !== room)]) },
  }));

module.exports = {
  forbidden: [
    ...layerRules,
    ...siblingRules,
    {
      name: "media-is-pure",
      comment: "src/media reads and writes formats: no I/O, no clock, no threads.",
      severity: "error",
      from: { path: "^src/media/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "rooms-are-known",
      comment: "A new folder below src/ gets its place in the list above first.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: `${folders(LAYERS)}|^src/client/` },
      to: {},
    },
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
      comment: "reel/client runs in other people's programs: nothing of the server may come with it.",
      severity: "error",
      from: { path: "^src/client/" },
      to: { path: "^src/(?!client/)" },
    },
    {
      name: "the-dashboard-is-a-client",
      comment: "It runs in browsers: of Reel it takes the types of the commands, and reaches the rest by HTTP.",
      severity: "error",
      from: { path: "^dashboard/" },
      to: { path: "^(src|assembly|test|bench)/", pathNot: "^src/client/control-protocol\\.ts$" },
    },
    {
      name: "nothing-imports-the-dashboard",
      comment: "The server serves what was built of it.",
      severity: "error",
      from: { path: "^(src|assembly|bench)/" },
      to: { path: "^dashboard/" },
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
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown", "undetermined"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "the-group-is-loaded-when-there-is-one",
      comment: "A server without `group` loads nothing of it: the room by import(), and there the packages of NATS.",
      severity: "error",
      from: { path: "^src/(?!group/)" },
      to: {
        path: "^src/group/",
        pathNot: "^src/group/group-settings\\.ts$",
        dependencyTypesNot: ["dynamic-import", "type-only"],
      },
    },
    {
      name: "nats-is-loaded-when-it-is-connected",
      comment: "Only src/group knows NATS, and loads its packages by import().",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "node_modules/@nats-io/", dependencyTypesNot: ["dynamic-import", "type-only"] },
    },
    {
      name: "resolvable",
      comment:
        "An import that cannot be resolved would escape every other rule. The peers of benchmarks and tests are in packages of their own, installed where wanted.",
      severity: "error",
      from: { pathNot: "^(bench|test/peers)/" },
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
      extensions: [".ts", ".tsx", ".js", ".mjs", ".cjs", ".d.ts", ".json"],
    },
  },
};
