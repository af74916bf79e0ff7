import { hand } from './hand.ts';
import { registered } from './test.ts';

const testTimeoutMs = 240_000;

/** Runs the tests that were registered, and tells the hand how they went. */
export async function run(): Promise<void> {
  await hand('started');
  const grep = process.env.RESTORABLE_EDITOR_GREP ?? '';
  for (const { name, body } of registered) {
    if (!name.includes(grep)) continue;
    const startedAt = performance.now();
    let error: string | undefined;
    try {
      await withTimeout(body());
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      await hand('screenshot', { name: `failed-${name.replace(/\W+/g, '-')}` });
    }
    await hand('result', { name, error, seconds: (performance.now() - startedAt) / 1_000 });
  }
  await hand('done');
}

async function withTimeout(promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`did not end within ${testTimeoutMs / 1_000} s`)), testTimeoutMs);
  });
  try {
    await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
