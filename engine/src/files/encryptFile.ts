/** Encrypts one file so that the real tool can read it. */

import { copyOf, count } from '../bytes.ts';
import { encryptCms } from '../crypto/cmsEncrypt.ts';
import { messageToKeys, messageWithPassword, type OutgoingMessage } from '../crypto/openpgpEncrypt.ts';
import { encryptOpenssl, opensslCommand, writtenScheme } from '../crypto/openssl.ts';
import { passwordForOpenssl, passwordReadings } from '../crypto/password.ts';
import { encryptPgbackrest } from '../crypto/pgbackrest.ts';
import { encryptSodium } from '../crypto/sodium.ts';
import { likelyTransform, sodiumKey } from '../crypto/sodiumKey.ts';
import { fail } from '../failure.ts';
import type { EncryptJob, Integrity, JobResult, KeyOffer } from '../job.ts';
import { type RunContext, throwIfCancelled } from '../run-context.ts';
import { Secret } from '../secret.ts';
import { demandPassword } from './encryptionLayer.ts';
import { stageFile } from './stagedFile.ts';
import { writeStandardOutput } from './standardOutput.ts';
import { openStored } from './storedFile.ts';

/**
 * The output gets its name only when all is written; `-` is standard output. An empty input is encrypted like any other.
 *
 * @throws RestoreError `usage` (the name is taken, a key that does not fit the method), `io`, `cancelled`
 */
export async function encryptFile(job: EncryptJob, context: RunContext): Promise<JobResult['encrypt']> {
  const stored = await openStored(job.input, context, { mayBeEmpty: true });
  const output = job.output === '-' ? undefined : await stageFile(job.output, job.overwrite ?? false);
  const secrets: Secret[] = [];
  try {
    const input = stored.read({ isLent: job.method !== 'cms' });
    const { encrypted, notes, ...form } = await encryption(job, input, secrets);
    let bytesWritten = 0;
    for await (const piece of count(encrypted, (delta) => {
      bytesWritten += delta;
    })) {
      throwIfCancelled(context.signal);
      await (output ? output.write(piece) : writeStandardOutput(piece, context.signal));
    }
    await output?.publish();
    return { bytesRead: stored.bytesRead(), bytesWritten, notes, ...form };
  } finally {
    for (const it of secrets) it.wipe();
    await output?.discard();
  }
}

/** What is written has been written when the next but one is asked for. */
const written = { isLent: true };

interface Encryption {
  encrypted: AsyncIterable<Uint8Array>;
  notes: string[];
  integrity?: Integrity;
}

async function encryption(job: EncryptJob, input: AsyncIterable<Uint8Array>, secrets: Secret[]): Promise<Encryption> {
  const { key, method, integrity } = job;
  if (integrity !== undefined && method !== 'openpgp' && method !== 'gpg') {
    fail('usage', 'key', `the method ${method} has one form only: ${integrity} is a form of OpenPGP`, {
      hint: 'Leave --integrity out, or encrypt with openpgp or gpg.',
    });
  }
  switch (method) {
    case 'sodium': {
      demandKind(key, ['sodium'], method);
      const transform = key.keyTransform ?? likelyTransform(key.bytes);
      const read = sodiumKey(key.bytes, transform);
      secrets.push(read.key);
      const told =
        key.keyTransform === undefined
          ? [`the key was read with the key transform ${transform}: configure the same for WAL-G`]
          : [];
      return {
        encrypted: encryptSodium(input, read.key.reveal(), written),
        notes: [...told, ...(read.note === undefined ? [] : [read.note])],
      };
    }
    case 'openpgp':
    case 'gpg': {
      const message = await outgoingMessage(key, method, integrity);
      return { encrypted: message.write(input, written), notes: [message.note], integrity: message.integrity };
    }
    case 'openssl': {
      demandKind(key, ['password'], method);
      demandPassword(key);
      const scheme = writtenScheme(job.openssl);
      const { bytes, note } = passwordForOpenssl(key.bytes);
      const command = opensslCommand(scheme, job.output === '-' ? 'FILE' : shellWord(job.output));
      return {
        encrypted: encryptOpenssl(input, bytes, scheme),
        notes: [`to decrypt it: ${command}`, ...(note === undefined ? [] : [note])],
      };
    }
    case 'cms':
      demandKind(key, ['pem'], method);
      return {
        encrypted: encryptCms(input, key.bytes),
        notes: [
          `to decrypt it (OpenSSL 3): openssl cms -decrypt -inform DER -in ${job.output === '-' ? 'FILE' : shellWord(job.output)} -inkey KEY.pem -out PLAIN`,
        ],
      };
    case 'pgbackrest': {
      demandKind(key, ['pgbackrest-pass', 'password'], method);
      demandPassword(key);
      const pass = new Secret(copyOf(firstReading(key)));
      secrets.push(pass);
      return { encrypted: encryptPgbackrest(input, pass), notes: [] };
    }
  }
}

async function outgoingMessage(
  key: KeyOffer,
  method: string,
  integrity: Integrity | undefined,
): Promise<OutgoingMessage> {
  if (key.kind === 'openpgp') return messageToKeys(key.bytes, { integrity });
  demandKind(key, ['password'], method);
  demandPassword(key);
  return messageWithPassword(key.bytes, { integrity });
}

/** As openssl and gpg read a password file: its first line. */
function firstReading(key: KeyOffer): Uint8Array {
  return passwordReadings(key.bytes)[0]?.bytes ?? key.bytes;
}

function demandKind(key: KeyOffer, kinds: KeyOffer['kind'][], method: string): void {
  if (kinds.includes(key.kind)) return;
  fail('usage', 'key', `the method ${method} does not take a key of the kind ${key.kind}`, {
    hint: `It takes: ${kinds.join(', ')}.`,
  });
}

function shellWord(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
