// (written next)
export function tsFrameBound(seg: usize, frame: usize): u32 { return 0; }
export function tsHeaderBound(seg: usize): u32 { return 0; }
export function tsWriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, capacity: u32): void {}
