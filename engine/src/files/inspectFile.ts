/** What a file shows without any key: how it is encrypted, what would open it, and what is wrong at first sight. */

import { stat } from 'node:fs/promises';
import { ByteReader, once } from '../bytes.ts';
import { decodeBase64 } from '../contents/base64.ts';
import { isBrotli } from '../contents/checkContents.ts';
import { readToc } from '../contents/pgDumpToc.ts';
import { COMPRESSED_KINDS, type ContentKind, looksMeaningful, sniff } from '../contents/sniff.ts';
import { shown } from '../contents/tar.ts';
import { readCmsHead, wayOf } from '../crypto/cms.ts';
import { decodeCmsText, isCmsText } from '../crypto/cmsText.ts';
import { decodeArmor } from '../crypto/openpgpArmor.ts';
import { readKeys } from '../crypto/openpgpKeys.ts';
import { type MessageHead, readMessageHead } from '../crypto/openpgpPackets.ts';
import { headerBytes as saltedHeaderBytes } from '../crypto/openssl.ts';
import { sodiumLength } from '../crypto/sodium.ts';
import { type Failure, RestoreError } from '../failure.ts';
import type { Inspection } from '../job.ts';
import type { RunContext } from '../run-context.ts';
import { FOREIGN } from './encryptionLayer.ts';
import { recogniseFolder } from './folder.ts';
import { readFile, readStart } from './source.ts';
import { openStored } from './storedFile.ts';

/**
 * Reads only the start of the file (and of an OpenPGP message its session key packets).
 *
 * @throws RestoreError `io` when it cannot be read; what is wrong with the file itself is in `problems`
 */
export async function inspectFile(path: string, context: RunContext): Promise<Inspection> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return inspectFolder(path);
  if (found?.isFile() && found.size === 0) {
    return {
      path,
      format: 'empty',
      isEncrypted: null,
      facts: [['Size', '0 bytes']],
      opensWith: [],
      problems: ['the file is empty: the program that should have written it failed, or a redirection made it before'],
    };
  }
  const stored = await openStored(path, context);
  const start = await readStart(path, startBytes, { signal: context.signal });
  const kind = sniff(start);
  const inspection: Inspection = {
    path,
    format: kind ?? 'unknown',
    isEncrypted: false,
    facts: [],
    opensWith: [],
    problems: [],
  };
  if (stored.size !== undefined) inspection.facts.push(['Size', `${stored.size} bytes`]);
  await describe(inspection, kind, { path, start, size: stored.size ?? start.length });
  return inspection;
}

const startBytes = 64 * 1024;

interface Subject {
  path: string;
  start: Uint8Array;
  size: number;
}

async function describe(inspection: Inspection, kind: ContentKind | undefined, subject: Subject): Promise<void> {
  switch (kind) {
    case 'openpgp':
    case 'openpgp armored':
      return describeMessage(inspection, kind, subject);
    case 'openssl':
    case 'openssl base64':
      return describeSalted(inspection, kind, subject);
    case 'pkcs7':
      return describeCms(inspection, subject);
    case 'age':
    case 'yckms':
      inspection.isEncrypted = true;
      inspection.facts.push(['Encryption', FOREIGN[kind]]);
      inspection.problems.push('this format is not read: decrypt it with the program that wrote it');
      return;
    case undefined:
      return describeUnknown(inspection, subject);
    case 'openpgp key':
      return describeKeys(inspection, subject);
    case 'pem key':
      inspection.facts.push(['Contents', 'a private key in PEM']);
      inspection.problems.push('this is a key, not a backup: it must not lie beside one');
      return;
    default:
      return describePlain(inspection, kind, subject);
  }
}

async function describeMessage(inspection: Inspection, kind: ContentKind, { path }: Subject): Promise<void> {
  inspection.format = 'openpgp';
  inspection.isEncrypted = true;
  if (kind === 'openpgp armored') inspection.facts.push(['Armor', 'text (ASCII armor)']);
  const file = readFile(path);
  const reader = new ByteReader(kind === 'openpgp armored' ? decodeArmor(file) : file);
  try {
    const head = await readMessageHead(reader);
    for (const { keyId, algorithm } of head.recipients)
      inspection.facts.push(['Recipient', `${keyId ?? 'hidden'} (${algorithm})`]);
    const hidden = head.recipients.filter((it) => it.keyId === undefined).length;
    if (head.passwordSessions.length > 0)
      inspection.facts.push([
        'Password',
        head.passwordSessions.length === 1 ? 'one' : `${head.passwordSessions.length} different ones`,
      ]);
    inspection.facts.push(['Integrity', integrityOf(head)]);
    const known = head.recipients.filter((it) => it.keyId !== undefined);
    inspection.opensWith.push(...known.map((it) => `the private key ${it.keyId}`));
    if (hidden > 0) inspection.opensWith.push('a private key whose id the sender hid');
    if (head.passwordSessions.length > 0) inspection.opensWith.push('its password');
    if (head.protection.kind === 'none') {
      inspection.problems.push(
        'the message has no integrity protection (MDC): changes to it could not be noticed, and it is refused',
      );
    }
    if (inspection.opensWith.length === 0)
      inspection.problems.push('the message names neither a key nor a password that would open it');
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'not-encrypted') inspection.isEncrypted = false;
    inspection.problems.push(failure.message);
  } finally {
    await reader.close();
  }
}

function integrityOf({ protection }: MessageHead): string {
  switch (protection.kind) {
    case 'none':
      return 'none';
    case 'mdc':
      return 'modification detection code (MDC), proven at the end';
    case 'aead':
      return `AEAD: ${protection.cipher} in ${protection.mode}, proven in chunks and at the end`;
  }
}

async function describeCms(inspection: Inspection, { path, start }: Subject): Promise<void> {
  inspection.format = 'cms';
  inspection.isEncrypted = true;
  const isText = isCmsText(start);
  inspection.facts.push(['Form', isText ? 'text (PEM or S/MIME)' : 'binary']);
  const reader = new ByteReader(isText ? decodeCmsText(readFile(path)) : readFile(path));
  try {
    const { recipients, cipher, isAuthenticated } = await readCmsHead(reader);
    for (const it of recipients) inspection.facts.push(['Recipient', wayOf(it)]);
    inspection.facts.push(
      ['Cipher', cipher],
      [
        'Integrity',
        isAuthenticated ? 'authenticated (GCM), proven at the end' : 'none: a change shows only in the contents',
      ],
    );
    for (const it of recipients)
      inspection.opensWith.push(it.certificate === undefined ? wayOf(it) : `the private key of ${wayOf(it)}`);
    if (recipients.length === 0) inspection.problems.push('the message is encrypted to nobody');
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code === 'not-encrypted') inspection.isEncrypted = false;
    inspection.problems.push(failure.message);
  } finally {
    await reader.close();
  }
}

async function describeSalted(inspection: Inspection, kind: ContentKind, { start, size }: Subject): Promise<void> {
  inspection.format = 'openssl';
  inspection.isEncrypted = true;
  let salt = start.subarray(8, saltedHeaderBytes);
  if (kind === 'openssl base64') {
    inspection.facts.push(['Armor', 'base64 text (openssl enc -a)']);
    const reader = new ByteReader(decodeBase64(once(start)));
    salt = (await reader.read(saltedHeaderBytes).catch(() => new Uint8Array(0))).subarray(8);
  } else if (size <= saltedHeaderBytes) {
    inspection.problems.push('there is nothing after the header: the file is cut off');
  } else if ((size - saltedHeaderBytes) % 16 !== 0) {
    inspection.problems.push(
      'its length is no multiple of the cipher block: it is cut off, unless a stream cipher (ctr) was used',
    );
  }
  inspection.facts.push(
    ['Encryption', 'a password, salted (openssl enc; pgBackRest writes its files in the same form)'],
    ['Salt', Buffer.from(salt).toString('hex')],
    ['Cipher', 'not recorded: usually aes-256-cbc; digest and rounds are not recorded either'],
    ['Integrity', 'none: a change or a wrong password shows only in the contents'],
  );
  inspection.opensWith.push(
    'its password, with the options of openssl enc that it was made with',
    'the cipher pass, if it is a file of a pgBackRest repository',
  );
}

async function describeUnknown(inspection: Inspection, { path, start, size }: Subject): Promise<void> {
  if (/\.br$/i.test(path) && isBrotli(start)) {
    inspection.format = 'brotli';
    inspection.facts.push(['Contents', 'compressed with brotli']);
    inspection.problems.push(plainProblem);
    return;
  }
  const length = sodiumLength(size);
  if (!looksMeaningful(start) && length.isPossible) {
    inspection.format = 'sodium';
    inspection.isEncrypted = null;
    inspection.facts.push(
      [
        'Encryption',
        'probably libsodium as WAL-G writes it: no signature, bytes without structure, and a length that such a stream can have',
      ],
      ['Contents', `${length.plainBytes} bytes, if so`],
    );
    inspection.opensWith.push('the libsodium key of WAL-G (WALG_LIBSODIUM_KEY), with its key transform');
    return;
  }
  inspection.isEncrypted = null;
  inspection.facts.push(['Contents', 'no signature that is known']);
  if (!looksMeaningful(start) && !length.isPossible) {
    inspection.problems.push(
      `the bytes have no structure, as if encrypted, but no whole libsodium stream has this length: ${length.cut}`,
    );
  }
}

async function describeKeys(inspection: Inspection, { path }: Subject): Promise<void> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readFile(path, { length: 4 * 1024 * 1024 })) pieces.push(piece);
  try {
    const { keys } = await readKeys(Buffer.concat(pieces));
    for (const key of keys) {
      inspection.facts.push([
        key.isPrivate() ? 'Private key' : 'Public key',
        `${key.getFingerprint().toUpperCase()} ${shown(key.getUserIDs()[0] ?? '')}`.trim(),
      ]);
    }
    if (keys.some((it) => it.isPrivate()))
      inspection.problems.push('this is a private key, not a backup: it must not lie beside one');
  } catch (error) {
    inspection.problems.push(failureOf(error).message);
  }
}

async function describePlain(inspection: Inspection, kind: ContentKind, { start }: Subject): Promise<void> {
  inspection.facts.push([COMPRESSED_KINDS.has(kind) ? 'Compression' : 'Contents', kind]);
  if (kind === 'pg_dump custom') {
    const toc = await readToc(new ByteReader(once(start))).catch(() => undefined);
    if (toc) {
      inspection.facts.push(
        ['Database', shown(toc.database)],
        ['Server', shown(toc.serverVersion)],
        ['pg_dump', `${shown(toc.dumpVersion)}, archive version ${toc.version}, compression ${toc.compression}`],
        ['Entries', String(toc.entries.length)],
      );
    }
  }
  inspection.problems.push(plainProblem);
}

const plainProblem = 'plain: the file is not encrypted, everyone who gets it can read it';

async function inspectFolder(path: string): Promise<Inspection> {
  const { format, description, hint, entries } = await recogniseFolder(path);
  return {
    path,
    format,
    isEncrypted: null,
    facts: [
      ['Folder', description],
      ['Entries', String(entries.length)],
    ],
    opensWith: format === 'wal-g' ? ['the key that WAL-G is configured with; the folder does not say which'] : [],
    problems: [hint],
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof RestoreError) return error.failure;
  throw error;
}
