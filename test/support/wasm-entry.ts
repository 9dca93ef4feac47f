// What the tests call in the module: everything the product exports, and every internal function under test. asc
// compiles only what is reached.

export { flvCodecId, flvFourCc, flvPayloadSize, flvPrefixSize } from "../../assembly/codec/flv-table";
export { mp4SampleEntryType } from "../../assembly/codec/mp4-table";
export { tsOverhead, tsScan, tsStreamType } from "../../assembly/codec/mpegts-table";
export { writeSampleRecord } from "../../assembly/container/mp4/sample-record";
export * from "../../assembly/index";
