import { RestoreError } from './failure.ts';

/** What a running job knows of the world outside: who may stop it, and who wants to hear how far it is. */
export interface RunContext {
  signal: AbortSignal;
  /** `bytes` more stored bytes were read while doing `step`; cheap, call it for every piece. */
  progress(step: string, bytes: number): void;
  /** How many stored bytes will be read in all, as soon as that is known. */
  expectBytes(total: number): void;
}

/** A context without an audience, for tests and for steps inside steps. */
export function quietContext(signal: AbortSignal = new AbortController().signal): RunContext {
  return { signal, progress: () => undefined, expectBytes: () => undefined };
}

/** @throws RestoreError `cancelled` once the signal was given */
export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw cancelled();
}

export function cancelled(): RestoreError {
  return new RestoreError({ code: 'cancelled', stage: 'open', message: 'stopped before the end; nothing was kept' });
}
