// Errors that go from one thread to another: a ReelError stays one, because its code says whose fault it is.

import { type ErrorCode, ReelError } from "../../base/reel-error.js";
import type { ToldError } from "./messages.js";

export function tellError(error: unknown): ToldError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { code: error instanceof ReelError ? error.code : undefined, message, stack };
}

export function errorOf({ code, message, stack }: ToldError): Error {
  const error = code === undefined ? new Error(message) : new ReelError(code as ErrorCode, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
