/** Turns what was found in a backup into ticks and sentences. See docs/formats/verdicts.md for what may be claimed. */

import { counted } from '../../counted.ts';
import type { Failure } from '../../failure.ts';
import type { Report, Tick, Verdict } from '../../report.ts';
import { isGap, provesNothing, sentence } from '../backupReport.ts';
import type { WalJudgement } from '../walProof.ts';
import type { StorageTally } from './storageTally.ts';

export interface Evidence {
  failures: readonly Failure[];
  storage: StorageTally;
  files: number;
  verified: number;
  tars: number;
  /** false: nobody recorded which files there are, and what is missing cannot show. */
  isListed: boolean;
  wal: { first: string; last: string; segments: number } | undefined;
  /** false: nobody recorded how far the WAL is needed. */
  hasEnd: boolean;
  /** What the records in the WAL prove, or why they cannot be replayed as far as they must. */
  records: Pick<WalJudgement, 'failure' | 'proof'> | undefined;
}

/** The four ticks with their reasons. */
export function judge(evidence: Evidence): Pick<Report, 'verdict' | 'because'> {
  const { failures, files, verified, tars, isListed, hasEnd, wal } = evidence;
  const [first] = failures;
  const unread = failures.find(isUnread);
  const gap = failures.find(isGap) ?? evidence.records?.failure;
  const authentic = judgeAuthentic(evidence);
  const proof = judgeProof(evidence);
  const range = wal
    ? `the WAL from ${wal.first}${wal.last === wal.first ? '' : ` to ${wal.last}`} (${counted(wal.segments, 'segment')})`
    : 'no WAL';
  const all = `${counted(tars, 'tar')} with ${counted(files, 'file')}, and ${range}`;
  const verdict: Verdict = {
    decrypted: unread === undefined ? true : failures.filter(isUnread).every(provesNothing) ? null : false,
    authentic: authentic.tick,
    complete: gap !== undefined ? false : failures.some(isUnread) ? null : isListed && hasEnd ? true : null,
    restorable: first !== undefined ? (failures.every(provesNothing) ? null : false) : proof.tick,
  };
  return {
    verdict,
    because: {
      decrypted: unread
        ? sentence(unread, first)
        : evidence.storage.encrypted > 0
          ? `${all} were decrypted and decompressed to their ends`
          : `nothing is encrypted; ${all} were read to their ends`,
      authentic: authentic.why,
      complete: gap
        ? sentence(gap, first)
        : failures.some(isUnread)
          ? 'what could not be read may hold anything'
          : isListed && !hasEnd
            ? 'the backup does not record where it ended: how far its WAL has to go cannot be told'
            : isListed
              ? `every tar and file that WAL-G listed is there, and ${range}`
              : `WAL-G kept no list of files for this backup: that nothing is missing cannot be proven; ${range} is there`,
      restorable: first ? first.message : `${verified} of ${files} files came out whole; ${proof.why}`,
    },
  };
}

interface Judgement {
  tick: Tick;
  why: string;
}

function judgeAuthentic({ storage, failures }: Evidence): Judgement {
  const changed = failures.find((it) => it.code === 'damaged' && it.stage === 'decrypt');
  if (changed) return { tick: false, why: sentence(changed, failures[0]) };
  const plain = failures.find((it) => it.code === 'not-encrypted');
  if (plain) return { tick: null, why: 'what is not encrypted can be changed by whoever can write to the bucket' };
  if (storage.encrypted === 0) {
    const why =
      storage.objects === 0
        ? 'nothing was opened'
        : 'nothing is encrypted: whoever can write to the bucket can change it';
    return { tick: null, why };
  }
  if (storage.encrypted < storage.objects) {
    const plain = counted(storage.objects - storage.encrypted, 'object');
    return {
      tick: null,
      why: `${plain} of ${storage.objects} are not encrypted: whoever can write to the bucket can change those`,
    };
  }
  if (failures.some(isUnread)) return { tick: null, why: 'not all of it was read to the end where it is proven' };
  const how = [...storage.encryptions].map((it) => (it === 'sodium' ? 'libsodium' : 'OpenPGP')).join(' and ');
  return {
    tick: true,
    why: `every object carries its own proof (${how}) up to its last byte; the lists beside them are plain, so a whole object could be exchanged for another of the same key`,
  };
}

/** WAL-G records neither checksums nor sizes of files: what shows a change is around them. */
function judgeProof({ storage, isListed, records }: Evidence): Judgement {
  const proof = records?.proof === undefined ? '' : `, and ${records.proof}`;
  const agree = `the chain of backups, the WAL and pg_control agree with what WAL-G recorded${proof}`;
  if (storage.unproven > 0) {
    const codecs = [...storage.compressions].join(', ');
    return {
      tick: null,
      why: `${agree}, but ${storage.unproven === storage.objects ? 'the objects' : `${storage.unproven} objects`} (${codecs}) are not encrypted and have no checksum: a changed byte${proof === '' ? '' : ' outside of the WAL'} would not show`,
    };
  }
  if (!isListed) return { tick: null, why: `${agree}, but no list says which files belong to it` };
  return { tick: true, why: agree };
}

function isUnread({ stage, code }: Failure): boolean {
  return (
    stage === 'key' ||
    stage === 'decrypt' ||
    stage === 'decompress' ||
    code === 'io' ||
    code === 'unsupported' ||
    code === 'not-encrypted'
  );
}
