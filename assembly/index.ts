// The only exports of the release module. Everything here works on pointers into the arena and keeps nothing of its
// own.

export { drain } from "./drain";
export { openSegment } from "./start";
export { closeSegment, closeBound } from "./container/table";
export { mp4IndexBegin, mp4IndexEnd, mp4IndexTake } from "./container/mp4/index-tables";
export { mp4IndexLayout } from "./container/mp4/moov";
export { sampleCheck as mp4SampleCheck } from "./container/mp4/sample-record";

/** First byte behind the module's constants; the arena's allocator begins above it. */
export function heapBase(): usize {
  return __heap_base;
}
