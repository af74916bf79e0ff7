/** What only a person in front of the window can do; `inProcess.mjs` does it through the browser. */
export async function hand<T = unknown>(action: string, args: Record<string, unknown> = {}): Promise<T> {
  const response = await fetch(process.env.RESTORABLE_EDITOR_HAND!, {
    method: 'POST',
    body: JSON.stringify({ action, ...args }),
  });
  const { value, error } = (await response.json()) as { value: T; error?: string };
  if (error !== undefined) throw new Error(`${action} ${JSON.stringify(args)}: ${error}`);
  return value;
}
