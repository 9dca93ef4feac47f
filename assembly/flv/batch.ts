// (written next)
export function flvFrameBound(seg: usize, frame: usize): u32 { return 0; }
export function flvHeaderBound(seg: usize): u32 { return 0; }
export function flvWriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, capacity: u32): void {}
