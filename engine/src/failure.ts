/** Everything that can go wrong with an archive: a closed list, so that programs can act on the code. */

export type FailureCode =
  | 'usage'
  | 'wrong-key'
  | 'damaged'
  | 'truncated'
  | 'not-encrypted'
  | 'unsupported'
  | 'hostile'
  | 'io'
  | 'incomplete'
  | 'cancelled';

/** Where on the way from the stored bytes to the restored files it went wrong. */
export type Stage = 'open' | 'key' | 'decrypt' | 'decompress' | 'contents' | 'chain' | 'wal' | 'write' | 'start';

/** What it is in particular, where a program may want to act on that: it only ever narrows the code. */
export type Reason =
  | 'no-pass'
  | 'wrong-pass'
  | 'pass-variant'
  | 'pass-of-another-repository'
  /** The key fits, read with another transform than the one that was given. */
  | 'key-transform'
  | 'plain-repository'
  | 'part-of-repository'
  | 'missing-info'
  | 'expired-reference'
  | 'missing-reference'
  | 'unfinished-backup'
  | 'newer-format'
  | 'beta-block-format'
  /** It can be tried, at a price that nobody expects: `allowCostly`. */
  | 'costly';

export interface Failure {
  code: FailureCode;
  stage: Stage;
  reason?: Reason;
  /** The object inside the archive, relative to the archive; absent for a single file. */
  path?: string;
  /** Bytes into the stored (encrypted) object; absent where no place is known. */
  offset?: number;
  /** What was seen: one sentence, no secret. */
  message: string;
  /** What to do: one sentence, no secret. */
  hint?: string;
}

/** Exit codes of `encrypt`, `decrypt` and `test-restore`: a public interface (docs/reports.md). 0 is success. */
export const EXIT_CODE = {
  usage: 2,
  'wrong-key': 12,
  damaged: 13,
  truncated: 14,
  'not-encrypted': 15,
  unsupported: 16,
  hostile: 17,
  io: 18,
  incomplete: 19,
  cancelled: 130,
} satisfies Record<FailureCode, number>;

/** The only error that crosses the engine's border; anything else thrown inside is a bug and is reported as one. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError';

  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** Throws; a statement that reads `fail('damaged', 'decrypt', 'the MAC of chunk 3 does not match', { offset })`. */
export function fail(
  code: FailureCode,
  stage: Stage,
  message: string,
  place: { path?: string; offset?: number; hint?: string; reason?: Reason } = {},
): never {
  throw new RestoreError({ code, stage, message, ...place });
}

/** Adds the object's path to a failure that was raised by a stage that does not know its neighbours. */
export function at(path: string, error: unknown): unknown {
  if (!(error instanceof RestoreError) || error.failure.path !== undefined) return error;
  return new RestoreError({ ...error.failure, path });
}

/** What must not happen. The message of a foreign error may quote what it choked on, so only its kind is told. */
export function bug(error: unknown): Failure {
  const isSystem = error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error;
  if (isSystem) {
    return {
      code: 'io',
      stage: 'open',
      message: `the system refused: ${String(error.code)} in ${String(error.syscall)}`,
    };
  }
  const name = error instanceof Error ? error.name : typeof error;
  const place = error instanceof Error ? /at (?:async )?(\w[\w.]*)/.exec(error.stack ?? '')?.[1] : undefined;
  return {
    code: 'io',
    stage: 'open',
    message: `the engine itself failed (${name}${place ? ` in ${place}` : ''})`,
    hint: 'This is a bug of Restorable: please report it with what you did. It says nothing about the archive.',
  };
}
