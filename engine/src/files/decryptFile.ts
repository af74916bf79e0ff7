/** Decrypts one file; what comes out is shown to nobody before the format's own proof, where it has one, is in. */

import { ByteReader, count } from '../bytes.ts';
import { type ContentKind, looksMeaningful, sniff, sniffBytes } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import type { DecryptJob, JobResult, KeyOffer } from '../job.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { type EncryptionLayer, openEncryption, tailBytes } from './encryptionLayer.ts';
import { openSpool, type SealedSpool } from './seal.ts';
import { stageFile } from './stagedFile.ts';
import { writeStandardOutput } from './standardOutput.ts';
import { openStored, type StoredFile } from './storedFile.ts';

/**
 * The output gets its name only when the stream has proven itself to its end; what is proven only there lies on the disk
 * encrypted until then. With `-` as the output, a file that is proven only at its end is read twice: once to prove it, once
 * to write it; what comes from a pipe waits, encrypted, in the folder for temporary files.
 *
 * @throws RestoreError what `openEncryption` and the streams throw; `not-encrypted`; `usage` when the name is taken
 */
export async function decryptFile(job: DecryptJob, context: RunContext): Promise<JobResult['decrypt']> {
  const stored = await openStored(job.input, context);
  if (job.output !== '-') return toFile(job, stored, context);
  return stored.isRepeatable ? twiceToStandardOutput(job, stored, context) : pipeToPipe(job, stored, context);
}

async function toFile(job: DecryptJob, stored: StoredFile, context: RunContext): Promise<JobResult['decrypt']> {
  const output = await stageFile(job.output, job.overwrite ?? false);
  try {
    const result = await decrypted(job, stored, context, {
      write: (piece) => output.write(piece),
      onOpen: async (layer) => {
        if (!layer.isAuthenticAtOnce) output.seal();
      },
    });
    await output.publish();
    return result;
  } finally {
    await output.discard();
  }
}

async function twiceToStandardOutput(
  job: DecryptJob,
  stored: StoredFile,
  context: RunContext,
): Promise<JobResult['decrypt']> {
  if (stored.size !== undefined) context.expectBytes(2 * stored.size);
  await decrypted(job, stored, context, { write: async () => undefined });
  const result = await decrypted(job, stored, context, {
    write: (piece) => writeStandardOutput(piece, context.signal),
  });
  return { ...result, bytesRead: stored.size ?? result.bytesRead };
}

async function pipeToPipe(job: DecryptJob, stored: StoredFile, context: RunContext): Promise<JobResult['decrypt']> {
  let spool: SealedSpool | undefined;
  try {
    const result = await decrypted(job, stored, context, {
      write: (piece) => (spool ? spool.write(piece) : writeStandardOutput(piece, context.signal)),
      onOpen: async (layer) => {
        if (!layer.isAuthenticAtOnce) spool = await openSpool();
      },
    });
    if (spool) for await (const piece of spool.read()) await writeStandardOutput(piece, context.signal);
    return result;
  } finally {
    await spool?.discard();
  }
}

interface Target {
  /** Takes the bytes over. */
  write(piece: Uint8Array): Promise<void>;
  /** Hears how it is encrypted before the first piece comes. */
  onOpen?(layer: EncryptionLayer): Promise<void>;
}

async function decrypted(
  job: DecryptJob,
  stored: StoredFile,
  context: RunContext,
  { write, onOpen }: Target,
): Promise<JobResult['decrypt']> {
  const reader = new ByteReader(stored.read({ isLent: true }), { isLent: true });
  let layer: EncryptionLayer | undefined;
  try {
    layer = await openEncryption(reader, {
      offers: [job.key],
      method: job.method,
      openssl: job.openssl,
      signers: job.signers,
      allowUnauthenticated: job.allowUnauthenticated,
      allowCostly: job.allowCostly,
      size: stored.size,
      tail: await stored.tail(tailBytes),
      signal: context.signal,
      // What is written has been written when the next but one is asked for.
      isLent: true,
      onTry: (what) => context.progress(`${stored.name}: ${what}`, 0),
    });
    if (layer === undefined) refuse(await reader.peek(sniffBytes), job.key);
    await onOpen?.(layer);
    let bytesWritten = 0;
    const plain = count(layer.plain, (delta) => {
      bytesWritten += delta;
    });
    let kindInside: ContentKind | undefined;
    for await (const piece of plain) {
      throwIfCancelled(context.signal);
      if (bytesWritten === piece.length) kindInside = sniff(piece.subarray(0, sniffBytes));
      await write(piece);
    }
    const unproven = layer.isKeyProven
      ? []
      : [
          'nothing but, perhaps, the padding shows that the password is right: look at the contents before you rely on them',
        ];
    const unauthentic = layer.isAuthenticated
      ? []
      : ['this encryption authenticates nothing: a change of the file would not be noticed'];
    return {
      bytesRead: stored.bytesRead(),
      bytesWritten,
      format: layer.name,
      isAuthentic: layer.isAuthenticated || null,
      notes: [...layer.notes, ...unproven, ...unauthentic, ...nested(kindInside)],
    };
  } finally {
    await reader.close();
    layer?.wipe();
  }
}

/** Encrypted twice: who decrypts once should not take what comes out for a dump. */
function nested(kind: ContentKind | undefined): string[] {
  const isEncrypted =
    kind && ['openpgp', 'openpgp armored', 'openssl', 'openssl base64', 'pkcs7', 'age'].includes(kind);
  return isEncrypted ? [`what came out is encrypted once more (${kind}): decrypt it again`] : [];
}

function refuse(start: Uint8Array, { kind, source }: KeyOffer): never {
  const found = sniff(start);
  if (found === undefined && !looksMeaningful(start) && kind === 'password') {
    fail('wrong-key', 'decrypt', `${source} opens nothing here: the file looks encrypted, and has no signature`, {
      offset: 0,
      hint: 'It may be openssl enc -nosalt or -K with another password, cipher or digest (--cipher, --digest, --iv), or a libsodium stream of WAL-G (--method sodium --key-file FILE). Cut off at its beginning, anything looks like that.',
    });
  }
  fail(
    'not-encrypted',
    'open',
    `the file is not encrypted${found === undefined ? ', or in a way that has no signature' : `: it is ${found}`}`,
    {
      offset: 0,
      hint: 'Everyone who gets it can read it. A libsodium stream of WAL-G has no signature: name its method (sodium).',
    },
  );
}
