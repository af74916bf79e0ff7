/** Just enough of a test framework for an extension host: tests run one after the other, in the order in which they are written. */
export const registered: { name: string; body: () => Promise<void> }[] = [];

export function test(name: string, body: () => Promise<void>): void {
  registered.push({ name, body });
}

/**
 * Asks again until there is an answer: an editor does most things some time after it was told to.
 *
 * @throws Error that says what was waited for
 */
export async function eventually<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
