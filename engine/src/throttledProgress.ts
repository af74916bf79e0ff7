import type { Progress } from './job.ts';
import type { RunContext } from './run-context.ts';

const pauseMs = 100;

/** A context that adds up what is read and tells it at most ten times a second; `flush` tells the last of it. */
export function throttledContext(
  signal: AbortSignal,
  onProgress: ((progress: Progress) => void) | undefined,
): RunContext & { flush(): void } {
  let bytes = 0;
  let total: number | undefined;
  let step = '';
  let toldAt = 0;
  let hasNews = false;
  const tell = () => {
    hasNews = false;
    toldAt = performance.now();
    // What grows while it is read is done when all that was announced is done.
    onProgress?.({ step, bytes, total: total === undefined ? undefined : Math.max(total, bytes) });
  };
  return {
    signal,
    progress(name, more) {
      bytes += more;
      step = name;
      hasNews = true;
      if (performance.now() - toldAt >= pauseMs) tell();
    },
    expectBytes(number) {
      total = number;
      hasNews = true;
    },
    flush() {
      if (hasNews) tell();
    },
  };
}
