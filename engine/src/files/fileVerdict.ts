/** The four ticks of a single file. What may be claimed for which format is in docs/formats/verdicts.md. */

import type { CheckedContents } from '../contents/checkContents.ts';
import type { Failure } from '../failure.ts';
import type { Report, Tick } from '../report.ts';
import type { EncryptionLayer } from './encryptionLayer.ts';

export interface FileEvidence {
  /** From the outside in; only layers that a key opened. */
  encryption: readonly Pick<EncryptionLayer, 'name' | 'isAuthenticated' | 'isKeyProven' | 'proof' | 'spreadsChanges'>[];
  /** A tar of WAL-G: intact it may be, but nobody can start a database from it. */
  isPartOfBackup: boolean;
  /** Every layer from the outside in, contents last. */
  format: readonly string[];
  /** Every layer was read to its end, and none complained. */
  isProven: boolean;
  /** undefined: the contents were not reached, or not read to their end. */
  contents: CheckedContents | undefined;
  failure: Failure | undefined;
}

export function judgeFile(
  evidence: FileEvidence,
): Pick<Report, 'verdict' | 'because'> & { failure: Failure | undefined } {
  const failure = evidence.failure ?? unprovable(evidence);
  const decrypted = judgeDecrypted(evidence);
  const authentic = judgeAuthentic(evidence);
  const complete = judgeComplete(evidence);
  const restorable = judgeRestorable(evidence, failure);
  return {
    failure,
    verdict: {
      decrypted: decrypted.tick,
      authentic: authentic.tick,
      complete: complete.tick,
      restorable: restorable.tick,
    },
    because: { decrypted: decrypted.why, authentic: authentic.why, complete: complete.why, restorable: restorable.why },
  };
}

interface Judgement {
  tick: Tick;
  why: string;
}

const yes = (why: string): Judgement => ({ tick: true, why });
const no = (why: string): Judgement => ({ tick: false, why });
const open = (why: string): Judgement => ({ tick: null, why });

/** Where nothing authenticates and the contents are not known, noise would look just the same. */
function unprovable({ encryption, contents, format }: FileEvidence): Failure | undefined {
  if (contents === undefined || contents.isWhole) return undefined;
  if (encryption.length === 0 && isUnknown(format)) {
    return {
      code: 'unsupported',
      stage: 'contents',
      message:
        'it has no signature that is known: it may be encrypted (as a libsodium stream of WAL-G is), or of another kind',
      hint: 'If it is encrypted, offer its key (--key-file or --config); restorable inspect says what it looks like.',
    };
  }
  if (
    encryption.length === 0 ||
    encryption.some((it) => it.isAuthenticated) ||
    encryption.every((it) => it.isKeyProven)
  )
    return undefined;
  return {
    code: 'unsupported',
    stage: 'contents',
    message:
      'what comes out is of no known format, and the encryption proves nothing: it may be the contents, or the noise of a wrong password',
    hint: 'Decrypt it to a file (restorable decrypt) and look at it with the program that made it.',
  };
}

function judgeDecrypted(evidence: FileEvidence): Judgement {
  const { encryption, isProven, contents, failure } = evidence;
  if (failure && isUnread(failure)) return no(failure.message);
  if (encryption.length === 0 && isUnknown(evidence.format))
    return open('nothing shows whether it is encrypted: it was read as it is');
  if (encryption.length === 0)
    return failure?.code === 'not-encrypted' ? no(failure.message) : yes('nothing is encrypted; every byte was read');
  if (!isProven) return open('it was not read to its end');
  if (contents?.isWhole || encryption.every((it) => it.isKeyProven))
    return yes(`every byte came through ${names(encryption)}`);
  return open(
    'nothing shows that the password is right: the padding fits for one wrong password of 256, and stream ciphers have none',
  );
}

function judgeAuthentic({ encryption, isProven, failure, format }: FileEvidence): Judgement {
  if (encryption.length === 0 && isUnknown(format)) return open('nothing shows whether it is encrypted');
  if (encryption.length === 0 && !failure)
    return open('nothing is encrypted: whoever can write to the file can change it');
  const authentic = encryption.find((it) => it.isAuthenticated);
  if (authentic && isProven) return yes(`${authentic.name}: ${authentic.proof}; it does not say who wrote it`);
  if (authentic && failure?.code === 'damaged' && failure.stage === 'decrypt') return no(failure.message);
  if (authentic) return open('the end, where that is proven, was not reached');
  if (encryption.length > 0)
    return open('this encryption authenticates nothing: a change can only show in the contents');
  return open('nothing was opened');
}

function judgeComplete({ encryption, isProven, contents, failure }: FileEvidence): Judgement {
  if (failure?.code === 'truncated' || failure?.code === 'incomplete') return no(failure.message);
  if (failure && isUnread(failure)) return open('it was not read to its end');
  const isAuthentic = isProven && encryption.some((it) => it.isAuthenticated);
  const gap = contents?.gap;
  if (gap && !(gap.isClosedByEncryption && isAuthentic)) return open(gap.because);
  if (contents?.isWhole)
    return yes(
      isAuthentic
        ? 'the encryption and the contents come to their proper ends'
        : 'the contents come to their proper end',
    );
  if (isAuthentic) return yes('the encrypted stream is whole to its end mark');
  if (failure) return open('it was not read to its end');
  return open(
    encryption.length > 0
      ? 'the cipher shows a cut only where it falls inside a block, and the contents have no end mark'
      : 'the contents have no end mark',
  );
}

function judgeRestorable(evidence: FileEvidence, failure: Failure | undefined): Judgement {
  const { contents, encryption, isProven, format } = evidence;
  // What cannot be read is not disproven.
  if (failure) return failure.code === 'unsupported' ? open(failure.message) : no(failure.message);
  if (evidence.isPartOfBackup && contents?.isWhole)
    return open(
      `${contents.because}; but this is one part of a WAL-G backup: whether that restores shows only with all its parts and its WAL`,
    );
  if (!contents?.isWhole) return open(contents?.because ?? 'the contents were not reached');
  if (contents.shows === 'by checksum') return yes(contents.because);
  const checksums = format.filter((it) => CHECKSUMMED.has(it));
  if (checksums.length > 0) return yes(`${contents.because}; the checksums of ${checksums.join(' and ')} fit`);
  if (isProven && encryption.some((it) => it.isAuthenticated)) return yes(contents.because);
  if (contents.shows === 'as text' && encryption.length > 0 && encryption.every((it) => it.spreadsChanges))
    return yes(`${contents.because}: in this cipher, a change would have made noise of a whole block`);
  return open(`${contents.because}, but not all of it has a checksum: a change inside would not show`);
}

/** Compressions whose usual writers put a checksum over all contents. */
const CHECKSUMMED = new Set(['gzip', 'lz4', 'zstd', 'bzip2', 'xz', 'lzop']);

function isUnknown(format: readonly string[]): boolean {
  return format.at(-1) === 'unknown';
}

function isUnread({ stage, code }: Failure): boolean {
  return stage === 'open' || stage === 'key' || stage === 'decrypt' || code === 'io';
}

function names(encryption: FileEvidence['encryption']): string {
  return encryption.map((it) => it.name).join(' and ');
}
