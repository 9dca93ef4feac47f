/** Says each text once: a source repeats its faults with every frame. */
export function noteOnce(note: (text: string) => void, limit = 32): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text) || said.size >= limit) return;
    said.add(text);
    note(text);
  };
}
