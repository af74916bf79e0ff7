/** Decrypts one file; what comes out is shown to nobody before the format's own proof, where it has one, is in. */

import { ByteReader, count } from '../bytes.ts';
import { type ContentKind, sniff, sniffBytes } from '../contents/sniff.ts';
import { fail } from '../failure.ts';
import type { DecryptJob, JobResult } from '../job.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { type EncryptionLayer, openEncryption } from './encryptionLayer.ts';
import { stageFile } from './stagedFile.ts';
import { writeStandardOutput } from './standardOutput.ts';
import { openStored, type StoredFile } from './storedFile.ts';

/**
 * The output gets its name only when the stream has proven itself to its end. With `-` as the output, a file that is
 * proven only at its end is read twice: once to prove it, once to write it.
 *
 * @throws RestoreError what `openEncryption` and the streams throw; `not-encrypted`; `usage` when the name is taken, and for
 *   standard input to standard output in a format that is proven only at its end
 */
export async function decryptFile(job: DecryptJob, context: RunContext): Promise<JobResult['decrypt']> {
  const stored = await openStored(job.input, context);
  if (job.output !== '-') return toFile(job, stored, context);
  return toStandardOutput(job, stored, context);
}

async function toFile(job: DecryptJob, stored: StoredFile, context: RunContext): Promise<JobResult['decrypt']> {
  const output = await stageFile(job.output, job.overwrite ?? false);
  try {
    const result = await decrypted(job, stored, context, (piece) => output.write(piece));
    await output.publish();
    return result;
  } finally {
    await output.discard();
  }
}

async function toStandardOutput(
  job: DecryptJob,
  stored: StoredFile,
  context: RunContext,
): Promise<JobResult['decrypt']> {
  const write = (piece: Uint8Array) => writeStandardOutput(piece, context.signal);
  if (!stored.isRepeatable) {
    return decrypted(job, stored, context, write, (layer) => {
      if (layer.isAuthenticAtOnce) return;
      fail('usage', 'decrypt', `${layer.name} data is proven only at its end: it cannot go from a pipe into a pipe`, {
        hint: 'Name a file as the input, or as the output (-o FILE).',
      });
    });
  }
  if (stored.size !== undefined) context.expectBytes(2 * stored.size);
  await decrypted(job, stored, context, async () => undefined);
  const result = await decrypted(job, stored, context, write);
  return { ...result, bytesRead: stored.size ?? result.bytesRead };
}

async function decrypted(
  job: DecryptJob,
  stored: StoredFile,
  context: RunContext,
  write: (piece: Uint8Array) => Promise<void>,
  judge: (layer: EncryptionLayer) => void = () => undefined,
): Promise<JobResult['decrypt']> {
  const reader = new ByteReader(stored.read());
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
      tail: await stored.tail(32),
      signal: context.signal,
    });
    if (layer === undefined) refusePlain(sniff(await reader.peek(sniffBytes)));
    judge(layer);
    let bytesWritten = 0;
    const plain = count(layer.plain, (delta) => {
      bytesWritten += delta;
    });
    for await (const piece of plain) {
      throwIfCancelled(context.signal);
      await write(piece);
    }
    const unproven = layer.isKeyProven
      ? []
      : ['only the padding shows that the password is right: look at the contents before you rely on them'];
    const unauthentic = layer.isAuthenticated
      ? []
      : ['this encryption authenticates nothing: a change of the file would not be noticed'];
    return {
      bytesRead: stored.bytesRead(),
      bytesWritten,
      format: layer.name,
      isAuthentic: layer.isAuthenticated || null,
      notes: [...layer.notes, ...unproven, ...unauthentic],
    };
  } finally {
    await reader.close();
    layer?.wipe();
  }
}

function refusePlain(kind: ContentKind | undefined): never {
  fail(
    'not-encrypted',
    'open',
    `the file is not encrypted${kind === undefined ? ', or in a way that has no signature' : `: it is ${kind}`}`,
    {
      offset: 0,
      hint: 'Everyone who gets it can read it. A libsodium stream of WAL-G has no signature: name its method (sodium).',
    },
  );
}
