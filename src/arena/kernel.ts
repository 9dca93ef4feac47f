// The muxer kernels: the WebAssembly module of assembly/, instantiated on the arena's memory. Any number of instances
// may share one arena, one a thread; all state is in the arena.

import { readFileSync } from "node:fs";
import { ReelError } from "../base/reel-error.js";

/** Exports of assembly/index.ts. Pointers are bytes in the arena; they come back signed, so take `>>> 0`. */
export interface Kernel {
  heapBase(): number;
  openSegment(recording: number, segment: number): number;
  drain(recording: number, segment: number, out: number, capacity: number): number;
  closeBound(container: number): number;
  closeSegment(container: number, segment: number, out: number, capacity: number): void;
}

/** Compiles a module from a file; a compiled module can be posted to workers. */
export function compileKernel(path: string | URL): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(path));
}

/** `arenaBase`: where the arena's blocks begin; the module's constants must end before it. */
export function instantiateKernel<K extends Kernel = Kernel>(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  arenaBase: number,
): K {
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new ReelError("trap", `the muxer kernel gave up at ${line}:${column}`);
  };
  const instance = new WebAssembly.Instance(module, { env: { memory, abort } });
  const kernel = instance.exports as unknown as K;
  if (kernel.heapBase() > arenaBase) throw new ReelError("trap", "the muxer kernel's constants reach into the arena");
  return kernel;
}
