/** Turns what was found in a backup into ticks and sentences. See docs/formats/verdicts.md for what may be claimed. */

import type { Failure } from '../../failure.ts';
import type { Report, Verdict } from '../../report.ts';
import { isGap, provesNothing, sentence } from '../backupReport.ts';
import type { WalJudgement } from '../walProof.ts';

export interface Evidence {
  isEncrypted: boolean;
  failures: Failure[];
  files: number;
  verified: number;
  wal:
    | { segments: number; verified: number; followed?: { newest: string | undefined; newestAt: string | undefined } }
    | undefined;
  /** What the records in the WAL prove, or why they cannot be replayed as far as they must. */
  records?: Pick<WalJudgement, 'failure' | 'proof'> | undefined;
  /** What was restored when not all was asked for: nothing can be claimed of the rest. */
  chosen?: string | undefined;
}

/** The four ticks with their reasons. */
export function judge({
  isEncrypted,
  failures,
  files,
  verified,
  wal,
  records,
  chosen,
}: Evidence): Pick<Report, 'verdict' | 'because'> {
  const [unread] = failures.filter(isUnreadable);
  const gap = failures.find(isGap) ?? records?.failure;
  const [first] = failures;
  const noWal = chosen === undefined ? 'no WAL (the backup was made offline)' : 'no WAL';
  const segments = wal ? count(wal.segments, 'WAL segment') : noWal;
  const verdict: Verdict = {
    decrypted: unread === undefined ? true : failures.filter(isUnreadable).every(provesNothing) ? null : false,
    authentic: null,
    complete: gap ? false : chosen === undefined ? true : null,
    restorable:
      first === undefined ? (chosen === undefined ? true : null) : failures.every(provesNothing) ? null : false,
  };
  const rest = chosen === undefined ? '' : `only ${chosen} were asked for; nothing else was read`;
  return {
    verdict,
    because: {
      decrypted: unread
        ? sentence(unread, first)
        : isEncrypted
          ? `all ${count(files, 'file')} and ${segments} were decrypted and decompressed`
          : `nothing is encrypted; all ${count(files, 'file')} and ${segments} were read and decompressed`,
      authentic: isEncrypted
        ? 'AES-256-CBC authenticates nothing: the checksums show accidents, not a skilled attacker who has the pass'
        : 'nothing is encrypted: whoever can write to the repository can change it and its checksums',
      complete: gap
        ? sentence(gap, first)
        : rest ||
          `every file of the manifest and ${wal ? `the WAL from the backup's start to ${endOfWal(wal)} (${segments})` : segments} are there`,
      restorable: first
        ? first.message
        : rest ||
          `${verified} of ${files} files have the recorded size and SHA-1, the chain of backups and the WAL agree, ${records?.proof === undefined ? '' : `${records.proof}, `}and pg_control is of this cluster`,
    },
  };
}

function isUnreadable({ stage, code }: Failure): boolean {
  return (
    stage === 'key' ||
    stage === 'decrypt' ||
    stage === 'decompress' ||
    code === 'io' ||
    code === 'truncated' ||
    code === 'not-encrypted'
  );
}

function endOfWal({ followed }: NonNullable<Evidence['wal']>): string {
  if (!followed?.newest) return 'its stop';
  return `the newest of the archive, ${followed.newest}${followed.newestAt ? ` of ${followed.newestAt}` : ''}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
