// What the tests call in the module: everything the product exports, and every internal function under test. asc
// compiles only what is reached.

export {
  flvCodecId,
  flvFourCc,
  flvPayloadSize,
  flvPrefixSize,
  mp4SampleEntryType,
  tsOverhead,
  tsScan,
  tsStreamType,
} from "../../assembly/codec/table";
export { writeSampleRecord } from "../../assembly/container/mp4/sample-record";
export * from "../../assembly/index";
