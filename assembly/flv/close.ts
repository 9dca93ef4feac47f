export function flvCloseBound(): u32 { return 0; }
export function flvWriteClose(seg: usize, out: usize, capacity: u32): void {}
