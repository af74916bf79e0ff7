/** Runs a job of the engine for a person: shows how far it is, and stops it on Ctrl-C. */

import { RestoreError } from '../../../engine/src/failure.ts';
import type { Job, JobResult, Progress } from '../../../engine/src/job.ts';
import { run } from '../../../engine/src/pool.ts';
import { columnsOf, harmless, type Terminal } from './terminal.ts';

/**
 * @throws RestoreError when the job fails; `cancelled` after SIGINT, SIGTERM or SIGHUP, when the engine has cleaned up
 */
export async function runJob<J extends Job>(job: J, terminal: Terminal): Promise<JobResult[J['kind']]> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const it of SIGNALS) process.on(it, onSignal);
  const line = terminal.stderrIsTty ? new ProgressLine() : undefined;
  try {
    const outcome = await run(job, { signal: stop.signal, ...(line && { onProgress: (it) => line.show(it) }) });
    if (outcome.ok) return outcome.value;
    throw new RestoreError(outcome.failure);
  } finally {
    line?.clear();
    for (const it of SIGNALS) process.off(it, onSignal);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One line on stderr that overwrites itself. */
class ProgressLine {
  readonly #startMs = performance.now();
  #isShown = false;

  show({ step, bytes, total: announced }: Progress): void {
    // More than was announced was read: there is no telling any more.
    const total = announced !== undefined && bytes <= announced ? announced : undefined;
    const elapsedMs = performance.now() - this.#startMs;
    const numbers = total ? `${size(bytes)} of ${size(total)}` : size(bytes);
    const left = total && bytes > 0 && elapsedMs > 1_000 ? timeLeft(elapsedMs, bytes / total) : '';
    const percent = total ? `${Math.floor((100 * bytes) / total)} %`.padStart(5) : '';
    const end = `  ${[numbers, percent, left].filter((it) => it !== '').join('  ')}`;
    const room = (process.stderr.columns ?? 80) - 1 - end.length;
    process.stderr.write(`\r\u001b[2K${shorten(harmless(step), room)}${end}`);
    this.#isShown = true;
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[2K');
  }
}

/** `12.3 MB`, in powers of ten as disks and clouds count. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  let value = bytes / 1_000;
  let unit = 0;
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${units[unit]}`;
}

function timeLeft(elapsedMs: number, part: number): string {
  const seconds = Math.ceil((elapsedMs / part - elapsedMs) / 1_000);
  if (seconds < 60) return `${seconds} s left`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** The end of a path says more than its beginning. */
function shorten(text: string, room: number): string {
  if (columnsOf(text) <= room) return text;
  return `…${[...text].slice(-Math.max(0, room - 1)).join('')}`;
}
