// Names of flags and of their environment variables, made from a setting's name.

/** `jsonCli` → `--json-cli`; commander turns it back. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `jsonCli` → `REEL_JSON_CLI`. */
export function environmentName(name: string): string {
  return `REEL_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
