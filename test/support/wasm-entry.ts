// What the tests call in the module: everything the product exports, and every internal function under test. asc compiles only what is reached.
export * from "../../assembly/index";
export { writeSampleRecord } from "../../assembly/mp4/sample-record";
