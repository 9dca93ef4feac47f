// (written next)
export function mp4FrameBound(seg: usize, frame: usize): u32 { return 0; }
export function mp4HeaderBound(seg: usize): u32 { return 0; }
export function mp4WriteBatch(rec: usize, seg: usize, from: u32, to: u32, out: usize, capacity: u32): void {}
