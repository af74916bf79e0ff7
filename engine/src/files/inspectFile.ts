/** What a file shows without any key: how it is encrypted, what would open it, and what is wrong at first sight. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ByteReader, once } from '../bytes.ts';
import { base64Start, decodeBase64 } from '../contents/base64.ts';
import { isBrotli } from '../contents/checkContents.ts';
import { type DumpToc, readToc } from '../contents/pgDumpToc.ts';
import { COMPRESSED_KINDS, type ContentKind, looksMeaningful, sniff } from '../contents/sniff.ts';
import { shown } from '../contents/tar.ts';
import { readCmsHead, wayOf } from '../crypto/cms.ts';
import { decodeCmsText, isCmsText } from '../crypto/cmsText.ts';
import { decodeArmor } from '../crypto/openpgpArmor.ts';
import { readKeys } from '../crypto/openpgpKeys.ts';
import { type MessageHead, readMessageHead } from '../crypto/openpgpPackets.ts';
import { describePassword } from '../crypto/openpgpPassword.ts';
import { headerBytes as saltedHeaderBytes } from '../crypto/openssl.ts';
import { sodiumLength } from '../crypto/sodium.ts';
import { type Failure, RestoreError } from '../failure.ts';
import type { Inspection, KeyOffer } from '../job.ts';
import type { RunContext } from '../run-context.ts';
import { FOREIGN, looksEncrypted, tailBytes } from './encryptionLayer.ts';
import { recogniseFolder } from './folder.ts';
import { type TrialOptions, tryKey } from './keyTrial.ts';
import { readFile, readStart } from './source.ts';
import { openStored, type StoredFile } from './storedFile.ts';
import { nothingToOpen, type TriedKey } from './triedKey.ts';

/**
 * Reads only the start of the file (and of an OpenPGP message its session key packets). Of a folder that is one backup, one
 * file stands for all.
 *
 * @param keys each is tried by itself
 * @param allowCostly as in `InspectJob`
 * @throws RestoreError `io` when it cannot be read; what is wrong with the file itself is in `problems`
 */
export async function inspectFile(
  path: string,
  context: RunContext,
  keys: readonly KeyOffer[] = [],
  allowCostly = false,
): Promise<Inspection> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return inspectFolder(path, context, keys, allowCostly);
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
  await describe(inspection, kind, {
    path,
    start,
    size: stored.size ?? start.length,
    isFile: stored.size !== undefined,
  });
  if (keys.length > 0) {
    const onTry = (what: string) => context.progress(`${stored.name}: ${what}`, 0);
    inspection.keys = await tryKeys(inspection, stored, keys, { signal: context.signal, onTry, allowCostly });
  }
  return inspection;
}

/** Opens the outermost layer with each key alone. A wrong password takes hundreds of trials: passwords come last. */
async function tryKeys(
  { isEncrypted }: Inspection,
  stored: StoredFile,
  keys: readonly KeyOffer[],
  options: TrialOptions,
): Promise<Inspection['keys']> {
  const sealed = { read: () => stored.read(), size: stored.size, tail: await stored.tail(tailBytes) };
  const tried = new Map<KeyOffer, TriedKey>();
  const isPassword = ({ kind }: KeyOffer) => kind === 'password';
  for (const offer of [...keys.filter((it) => !isPassword(it)), ...keys.filter(isPassword)]) {
    const { source } = offer;
    if (isEncrypted === false) {
      tried.set(offer, { source, opens: false, detail: nothingToOpen });
    } else if ([...tried.values()].some((it) => it.opens)) {
      tried.set(offer, { source, opens: null, detail: 'not tried, another key opens it' });
    } else tried.set(offer, await tryKey(offer, sealed, options));
  }
  return keys.map((it) => tried.get(it) as TriedKey);
}

const startBytes = 64 * 1024;

interface Subject {
  path: string;
  /** Not a pipe: any part of it can be read. */
  isFile: boolean;
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
    case 'pkcs7 signed':
    case 'pkcs7 compressed':
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
    case 'text': {
      const decoded = base64Start(subject.start);
      if (decoded && looksEncrypted(decoded)) return describeUnsaltedText(inspection);
      return describePlain(inspection, kind, subject);
    }
    default:
      return describePlain(inspection, kind, subject);
  }
}

/** Whether it is encrypted cannot be seen: noise is also what is compressed without a signature. */
function describeUnsaltedText(inspection: Inspection): void {
  inspection.isEncrypted = null;
  inspection.facts.push([
    'Contents',
    'base64 text of bytes without structure: probably encrypted, as openssl enc -a writes it with -nosalt or -K',
  ]);
  inspection.opensWith.push(
    'if so: its password, or its key and IV, with the options of openssl enc that it was made with',
  );
}

async function describeMessage(
  inspection: Inspection,
  kind: ContentKind,
  { path, start, size, isFile }: Subject,
): Promise<void> {
  inspection.format = 'openpgp';
  inspection.isEncrypted = true;
  if (kind === 'openpgp armored') inspection.facts.push(['Armor', 'text (ASCII armor)']);
  const file = readFile(path);
  const reader = new ByteReader(kind === 'openpgp armored' ? decodeArmor(file) : file);
  try {
    const head = await readMessageHead(reader);
    if (kind === 'openpgp') {
      const missing = missingAtEnd(start, size);
      if (missing > 0) inspection.problems.push(`it is cut off: its last ${missing} bytes are missing`);
    } else if (isFile && (await endsInsideArmor(path, size))) {
      inspection.problems.push('it is cut off: its line -----END PGP MESSAGE----- is missing');
    }
    for (const { keyId, algorithm } of head.recipients)
      inspection.facts.push(['Recipient', `${keyId ?? 'hidden'} (${algorithm})`]);
    const hidden = head.recipients.filter((it) => it.keyId === undefined).length;
    const passwords = head.passwordSessions.slice(0, mostListed).map(describePassword);
    for (const { description } of passwords) inspection.facts.push(['Password', description]);
    inspection.problems.push(...new Set(passwords.flatMap(({ problem }) => problem ?? [])));
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

const mostListed = 20;

/** The last lines are of base64, or a part of the END line: behind a whole armor may stand any text. */
async function endsInsideArmor(path: string, size: number): Promise<boolean> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readFile(path, { start: Math.max(0, size - 512) })) pieces.push(piece);
  const lines = Buffer.concat(pieces)
    .toString('latin1')
    .trimEnd()
    .split(/\s*\n\s*/);
  if (lines.some((line) => /^-----END PGP MESSAGE.*-----$/.test(line))) return false;
  const [before = '', last = ''] = lines.slice(-2);
  return (
    /^(?:[A-Za-z0-9+/]*={0,2}|=[A-Za-z0-9+/]{0,4}|-{1,5}(?:END[A-Z -]*)?)$/.test(last) &&
    /^(?:[A-Za-z0-9+/]{40,}={0,2}|=[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]+={1,2})$/.test(before)
  );
}

/**
 * How many bytes fewer there are than the packets say. RFC 9580, 4.2: lengths of 1, 2, 4 or 5 bytes; a message that was
 * written without knowing its length (in parts, or up to the end) does not say.
 */
function missingAtEnd(start: Uint8Array, size: number): number {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  for (let at = 0; at + 6 <= start.length; ) {
    const first = start[at] as number;
    const second = start[at + 1] as number;
    let header: number;
    let length: number;
    if ((first & 0x40) === 0) {
      const kind = first & 3;
      if (kind === 3) return 0;
      header = 1 + 2 ** kind;
      length = kind === 0 ? second : kind === 1 ? view.getUint16(at + 1) : view.getUint32(at + 1);
    } else if (second < 192) [header, length] = [2, second];
    else if (second < 224) [header, length] = [3, ((second - 192) << 8) + (start[at + 2] as number) + 192];
    else if (second === 255) [header, length] = [6, view.getUint32(at + 2)];
    else return 0;
    at += header + length;
    if (at > size) return at - size;
  }
  return 0;
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

async function describeCms(inspection: Inspection, { path, start, size }: Subject): Promise<void> {
  inspection.format = 'cms';
  inspection.isEncrypted = true;
  const isText = isCmsText(start);
  inspection.facts.push(['Form', isText ? 'text (PEM or S/MIME)' : 'binary']);
  const reader = new ByteReader(isText ? decodeCmsText(readFile(path)) : readFile(path));
  try {
    const { recipients, cipher, isAuthenticated, refusal } = await readCmsHead(reader);
    const missing = isText ? 0 : missingOfDer(start, size);
    if (missing > 0) inspection.problems.push(`it is cut off: its last ${missing} bytes are missing`);
    if (missing < 0) inspection.problems.push(`${-missing} bytes follow the end of the message`);
    for (const it of recipients) {
      const way = wayOf(it);
      inspection.facts.push([
        'Recipient',
        it.detail === undefined || way.startsWith(it.detail) ? way : `${way}: ${it.detail}`,
      ]);
    }
    if (refusal !== undefined) inspection.problems.push(refusal);
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

/** How many bytes fewer there are than the outermost element says, below zero for more; 0 where it ends with a mark instead (`-stream`). */
function missingOfDer(start: Uint8Array, size: number): number {
  const first = start[1] ?? 0x80;
  if (first === 0x80) return 0;
  const bytes = first < 0x80 ? [first] : [...start.subarray(2, 2 + (first & 0x7f))];
  const length = bytes.reduce((value, byte) => value * 256 + byte, 0);
  return 2 + (first < 0x80 ? 0 : bytes.length) + length - size;
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
  } else if ((size - saltedHeaderBytes) % 16 === 8) {
    inspection.problems.push(
      'its length fits no cipher with blocks of 16 bytes: it is cut off, unless a stream cipher (ctr), triple DES or a salt of 16 bytes (-saltlen) was used',
    );
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
  if (kind === 'pg_dump custom' || kind === 'pg_dump tar') {
    const toc = await tocIn(kind, start);
    if (toc) {
      inspection.facts.push(
        ['Database', shown(toc.database)],
        ['Server', shown(toc.serverVersion)],
        ['pg_dump', `${shown(toc.dumpVersion)}, archive version ${toc.version}, compression ${toc.compression}`],
        ['Entries', `${toc.entries.length}: ${kindsOf(toc)}`],
      );
    }
  }
  inspection.problems.push(plainProblem);
}

/** undefined when it is longer than what was read. */
async function tocIn(kind: ContentKind, start: Uint8Array): Promise<DumpToc | undefined> {
  const reader = new ByteReader(once(kind === 'pg_dump tar' ? start.subarray(512) : start));
  return readToc(reader).catch(() => undefined);
}

function kindsOf({ entries }: DumpToc): string {
  const counts = new Map<string, number>();
  for (const { description } of entries) counts.set(description, (counts.get(description) ?? 0) + 1);
  return shown([...counts].map(([kind, count]) => `${count} ${kind}`).join(', '));
}

const plainProblem = 'plain: the file is not encrypted, everyone who gets it can read it';

async function inspectFolder(
  path: string,
  context: RunContext,
  keys: readonly KeyOffer[],
  allowCostly: boolean,
): Promise<Inspection> {
  const { format, description, hint, entries } = await recogniseFolder(path);
  const facts: Inspection['facts'] = [
    ['Folder', description],
    ['Entries', String(entries.length)],
  ];
  if (format === 'pg_basebackup' && entries.includes('backup_manifest') && (await isIncremental(path)))
    facts.push(['Backup', 'incremental: it restores only together with the backups before it (pg_combinebackup)']);
  // Every file of such a backup is encrypted in the same way: the one that it cannot be read without stands for all.
  const head = /^(?:pg_dump directory|pg_basebackup)$/.test(format)
    ? entries.find((it) => /^(?:toc\.dat|base\.tar|backup_manifest)(?:\.|$)/.test(it))
    : undefined;
  if (head !== undefined) {
    const of = await inspectFile(join(path, head), context, keys, allowCostly);
    const isPlain = of.isEncrypted === false;
    return {
      ...of,
      path,
      format: of.isEncrypted ? `${of.format} > ${format}` : format,
      facts: [...facts, ['Looked at', head], ...of.facts],
      problems: isPlain ? [plainProblem] : of.problems,
    };
  }
  return {
    path,
    format,
    isEncrypted: null,
    facts,
    opensWith: format === 'wal-g' ? ['the key that WAL-G is configured with; the folder does not say which'] : [],
    problems: [hint],
  };
}

/** Its manifest names files that hold changed blocks only. */
async function isIncremental(folder: string): Promise<boolean> {
  let text = '';
  for await (const piece of readFile(join(folder, 'backup_manifest'))) {
    // A name that lies across two pieces is seen with the second.
    text = `${text.slice(-20)}${Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('latin1')}`;
    if (/\/INCREMENTAL\.\d/.test(text)) return true;
  }
  return false;
}

function failureOf(error: unknown): Failure {
  if (error instanceof RestoreError) return error.failure;
  throw error;
}
