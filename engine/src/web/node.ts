/** Stands in for the small modules of Node that the engine uses for single files. */

/** node:util */
export function promisify<A extends unknown[], T>(
  act: (...args: [...A, (error: unknown, value?: T) => void]) => void,
): (...args: A) => Promise<T> {
  return (...args) =>
    new Promise((resolve, reject) => {
      act(...args, (error, value) => (error ? reject(error) : resolve(value as T)));
    });
}

/** node:timers/promises */
export function setTimeout(ms: number): Promise<void> {
  return new Promise((resolve) => globalThis.setTimeout(resolve, ms));
}

/** node:os */
export function availableParallelism(): number {
  return 1;
}

/** node:module: nothing can be loaded here. */
export function createRequire(): never {
  throw new Error('there are no native modules in a browser');
}

/** node:buffer */
export { Buffer } from './globals.ts';

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
