import { ErrorCodes, ResponseError } from 'vscode-languageserver';

/** What a client sends as an argument of a command is anything; here it becomes what a command needs. */

/** @throws ResponseError InvalidParams where there is no text, or an empty one */
export function text(argument: Record<string, unknown> | undefined, name: string): string {
  const value = argument?.[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new ResponseError(ErrorCodes.InvalidParams, `${name} is missing`);
}

/** undefined for everything that is no object. */
export function record(it: unknown): Record<string, unknown> | undefined {
  return typeof it === 'object' && it !== null && !Array.isArray(it) ? (it as Record<string, unknown>) : undefined;
}
