// The command line of ems-record-spec §1.1: `command [key=value]...`. Tokens are separated by spaces and tabs; a
// backslash escapes exactly `\`, space, `=` and `,` and is literal before anything else; the first unescaped `=` splits
// a token, an unescaped comma makes a list of the value (which single-valued parameters put together again). Quotes
// mean nothing.

/** EMS's limit of one line, without its end. */
export const MAX_LINE_BYTES = 16 * 1024;

export interface RawParameter {
  /** As typed. */
  readonly name: string;
  /** The value, escapes resolved, commas literal. */
  readonly text: string;
  /** The value split at its unescaped commas; one item where there is none. */
  readonly items: readonly string[];
  /** True for a JSON value that no parameter can take (an object). */
  readonly isUnusable?: boolean;
}

export interface CommandRequest {
  /** As typed. */
  readonly command: string;
  readonly parameters: readonly RawParameter[];
  /** False where nothing followed the command's name. */
  readonly hasArguments: boolean;
  readonly commandId: string | undefined;
}

const ESCAPABLE = new Set(["\\", " ", "=", ","]);

interface Token {
  /** Undefined where the token has no `=`. */
  parameter: RawParameter | undefined;
  text: string;
}

function readTokens(line: string): Token[] {
  const tokens: Token[] = [];
  let name: string | undefined;
  let items: string[] = [];
  let text = "";
  let isInToken = false;
  const end = (): void => {
    if (!isInToken) return;
    if (name === undefined) tokens.push({ parameter: undefined, text: [...items, text].join(",") });
    else {
      items.push(text);
      tokens.push({ parameter: { name, text: items.join(","), items }, text: name });
    }
    name = undefined;
    items = [];
    text = "";
    isInToken = false;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (character === " " || character === "\t") {
      end();
      continue;
    }
    isInToken = true;
    const next = line.charAt(at + 1);
    if (character === "\\" && ESCAPABLE.has(next)) {
      text += next;
      at++;
    } else if (character === "=" && name === undefined) {
      name = [...items, text].join(",");
      items = [];
      text = "";
    } else if (character === ",") {
      items.push(text);
      text = "";
    } else text += character;
  }
  end();
  return tokens;
}

/** The commandId among the parameters, last one wins. */
export function findCommandId(parameters: readonly RawParameter[]): string | undefined {
  return parameters.findLast((parameter) => parameter.name.toLowerCase() === "commandid")?.text;
}

/** Parses parameters alone (HTTP's `params`). */
export function parseParameters(text: string): { parameters: RawParameter[]; hasArguments: boolean } {
  const tokens = readTokens(text);
  return { parameters: tokens.flatMap((token) => token.parameter ?? []), hasArguments: tokens.length > 0 };
}

/** Parses one line; undefined where it is blank. */
export function parseCommandLine(line: string): CommandRequest | undefined {
  const [first, ...rest] = readTokens(line);
  if (!first) return undefined;
  const command = first.parameter ? `${first.parameter.name}=${first.parameter.text}` : first.text;
  const parameters = rest.flatMap((token) => token.parameter ?? []);
  return { command, parameters, hasArguments: rest.length > 0, commandId: findCommandId(parameters) };
}
