export function wideComments(text: string): number[];
export function sourceFiles(): string[];
