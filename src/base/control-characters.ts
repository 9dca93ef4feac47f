// Text of strangers on a terminal: it carries out what control characters ask for (C0, DEL and C1 alike).

// biome-ignore lint/suspicious/noControlCharactersInRegex: showing them is the purpose
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g;

/** The same text with control characters as `\x1b`. */
export function showControlCharacters(text: string): string {
  return text.replace(CONTROL_CHARACTERS, (one) => `\\x${one.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
