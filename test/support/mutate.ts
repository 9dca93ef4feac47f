// Mutations of bytes that are valid, seeded.

/** xorshift32. */
export function randomFrom(start: number): (below: number) => number {
  let state = start | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Up to eight changes: bits, runs of bytes, parts removed or doubled, the end cut off. */
export function mutate(valid: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(valid);
  const times = 1 + random(8);
  for (let i = 0; i < times; i++) {
    // Half of the mutations hit the openings: that is where most of the parsing is.
    const at = random(2) === 0 ? random(Math.max(1, bytes.length)) : random(Math.max(1, Math.min(bytes.length, 5000)));
    const size = random(2) === 0 ? 1 + random(4) : 1 + random(300);
    switch (random(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        for (let k = at; k < Math.min(bytes.length, at + size); k++) bytes[k] = random(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)]);
        break;
      case 4:
        bytes.fill([0, 0xff, 0x7f, 3][random(4)] ?? 0, at, Math.min(bytes.length, at + size));
        break;
      default:
        bytes = bytes.subarray(0, Math.max(1, at));
    }
  }
  return bytes;
}
