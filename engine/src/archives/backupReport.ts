/** What the reports of all archives of a backup tool have in common. */

import type { Failure } from '../failure.ts';
import type { FileFailure, Report } from '../report.ts';

/** A report in which nothing was found yet. */
export function blankReport(archive: string, format: string): Report {
  return {
    archive,
    format,
    backup: null,
    keys: [],
    verdict: { decrypted: null, authentic: null, complete: null, restorable: null },
    because: { decrypted: '', authentic: '', complete: '', restorable: '' },
    files: { total: 0, verified: 0, failed: [] },
    bytes: { read: 0, restored: 0 },
    seconds: 0,
    failure: null,
    notes: [],
    restoredTo: null,
  };
}

export function fileFailure({ path, code, offset, message }: Failure): FileFailure {
  return { path: path ?? '', code, offset: offset ?? null, message };
}

/** What we cannot read may be sound all the same. */
export function provesNothing({ code }: Failure): boolean {
  return code === 'io' || code === 'unsupported';
}

export function isGap({ code }: Failure): boolean {
  return code === 'incomplete' || code === 'truncated';
}

/** The first failure's place stands in the report already. */
export function sentence(failure: Failure, first: Failure | undefined): string {
  const { message, path } = failure;
  return failure === first || path === undefined || message.includes(path) ? message : `${path}: ${message}`;
}
