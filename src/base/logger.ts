// What the layers below the composition root need of a logger: pino's methods with an object first, so that a pino
// logger fits as it is. Nothing down here chooses a format or a destination.

export interface Logger {
  debug(context: object, message: string): void;
  info(context: object, message: string): void;
  warn(context: object, message: string): void;
}

const ignore = (): void => {};

/** For embedding programs and tests that want no output. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore };
