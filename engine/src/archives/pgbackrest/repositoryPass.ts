/** Finds out whether a repository is encrypted and which of the offered passes opens it, before anything is read. */

import { startsWith } from '../../bytes.ts';
import { decryptStart, headerBytes, saltedMagic } from '../../crypto/pgbackrest.ts';
import { type Failure, fail, RestoreError } from '../../failure.ts';
import type { KeyOffer } from '../../job.ts';
import { Secret } from '../../secret.ts';
import { type ByteText, readable, toByteText } from './byteText.ts';
import { infoStart } from './infoFile.ts';
import type { RepositoryFiles } from './repositoryFiles.ts';

export interface OpenedBy {
  pass: Secret;
  /** Where the pass came from, for people. */
  source: string;
}

/** The passes of `archive.info` and of `backup.info`, almost always the same one; undefined when nothing is encrypted. */
export type RepositoryPass = { archive: OpenedBy; backup: OpenedBy } | undefined;

/**
 * Looks at the first bytes of the info files (and their copies) of a stanza.
 *
 * @param others passes that are meant for something else: not used, but named when one of them would open it
 * @throws RestoreError `wrong-key` when no offered pass opens any of them, naming the variant that would; `unsupported`
 *   for the header of a newer format, `damaged` when none of the files can be told
 */
export async function findPass(
  files: RepositoryFiles,
  stanza: ByteText,
  offers: KeyOffer[],
  others: KeyOffer[] = [],
): Promise<RepositoryPass> {
  const archive = await heads(files, `archive/${stanza}/archive.info`);
  const backup = await heads(files, `backup/${stanza}/backup.info`);
  const all = [...archive, ...backup];
  for (const { name, start } of all) {
    if (startsWith(start, newerMagic)) {
      fail('unsupported', 'open', 'it has the header of a newer repository format (PGBR)', {
        path: readable(name),
        offset: 0,
        reason: 'newer-format',
        hint: 'A newer pgBackRest wrote this repository: look for a newer Restorable.',
      });
    }
  }
  if (!all.some((it) => isSalted(it.start))) {
    const [first] = all;
    if (first && !all.some((it) => startsWith(it.start, plainMagic))) {
      if (first.start.length === 0) fail('truncated', 'open', 'it is empty', { path: readable(first.name), offset: 0 });
      fail('damaged', 'open', 'it starts neither as an encrypted nor as a plain info file of pgBackRest', {
        path: readable(first.name),
        offset: 0,
        hint: 'Copy it again from the repository, together with its .copy.',
      });
    }
    return undefined;
  }

  const opened = new Map<Head[], OpenedBy>();
  for (const own of [archive, backup]) {
    const offer = offers.find(({ bytes }) => withSecret(bytes, (pass) => own.some((it) => opens(pass, it.start))));
    if (offer) opened.set(own, { pass: new Secret(Uint8Array.from(offer.bytes)), source: offer.source });
  }
  const proven = opened.get(backup) ?? opened.get(archive);
  if (proven === undefined) throw new RestoreError(refusal(all, offers, others));
  // A file whose first bytes are damaged must not look like a wrong pass when the pass opens its sibling.
  return {
    archive: opened.get(archive) ?? copyOf(proven),
    backup: opened.get(backup) ?? copyOf(proven),
  };
}

/** What a pass does with the info files of a stanza; undefined for a file that is not there, or not encrypted. */
export interface PassTrial {
  'archive.info': boolean | undefined;
  'backup.info': boolean | undefined;
  /** It opens nothing as it is, but would like this: `without the line end behind it`. */
  variant: string | undefined;
}

/** Tries every pass on the first bytes of the info files, whatever repository it is meant for; one answer each. */
export async function tryPasses(
  files: RepositoryFiles,
  stanza: ByteText,
  offers: readonly KeyOffer[],
): Promise<PassTrial[]> {
  const archive = (await heads(files, `archive/${stanza}/archive.info`)).filter((it) => isSalted(it.start));
  const backup = (await heads(files, `backup/${stanza}/backup.info`)).filter((it) => isSalted(it.start));
  const opensAny = (bytes: Uint8Array, own: Head[]) =>
    withSecret(bytes, (pass) => own.some((it) => opens(pass, it.start)));
  return offers.map(({ bytes }) => {
    const opened = (own: Head[]) => (own.length === 0 ? undefined : opensAny(bytes, own));
    const trial = { 'archive.info': opened(archive), 'backup.info': opened(backup), variant: undefined };
    if (trial['archive.info'] || trial['backup.info']) return trial;
    const found = variants(bytes).find((it) => opensAny(it.bytes, [...archive, ...backup]));
    return { ...trial, variant: found?.description };
  });
}

/** What the passes that people have by mistake look like, and what to say when one of these would have worked. */
export function variants(pass: Uint8Array): { bytes: Uint8Array; description: string }[] {
  const text = toByteText(pass);
  const trimmed = text.trim();
  const unquoted = /^(["'])(.*)\1$/s.exec(trimmed)?.[2];
  const uncommented = /^(.*?)\s+[#;].*$/s.exec(trimmed)?.[1];
  const afterEquals = /cipher-pass\s*[=:]\s*(.*)$/m.exec(text)?.[1]?.trim();
  const candidates: [string | undefined, string][] = [
    [text.replace(/[\r\n]+$/, ''), 'without the line end behind it'],
    [trimmed, 'without the blanks around it'],
    [unquoted, 'without the quotes around it'],
    [uncommented, 'without the comment behind it'],
    [afterEquals, 'without the name of the option in front of it'],
    [decodedBase64(trimmed), 'decoded from base64 once more'],
    [`${text}\n`, 'with a line end behind it'],
    [`${text}\r\n`, 'with a carriage return and a line end behind it'],
    [`"${text}"`, 'with double quotes around it, which pgBackRest takes as part of the pass'],
    [`'${text}'`, 'with single quotes around it, which pgBackRest takes as part of the pass'],
    [Buffer.from(text, 'latin1').toString('base64'), 'encoded in base64'],
    [Buffer.from(`${text}\n`, 'latin1').toString('base64'), 'encoded in base64 together with a line end'],
  ];
  const seen = new Set([text]);
  const result: { bytes: Uint8Array; description: string }[] = [];
  for (const [candidate, description] of candidates) {
    if (candidate === undefined || candidate === '' || seen.has(candidate)) continue;
    seen.add(candidate);
    result.push({ bytes: Buffer.from(candidate, 'latin1'), description });
  }
  return result;
}

interface Head {
  name: ByteText;
  start: Uint8Array;
}

const newerMagic = new TextEncoder().encode('PGBR');
const plainMagic = new TextEncoder().encode(infoStart);
const headBytes = 4096;

async function heads(files: RepositoryFiles, name: ByteText): Promise<Head[]> {
  const found: Head[] = [];
  for (const object of [name, `${name}.copy`]) {
    const size = await files.size(object);
    if (size === undefined) continue;
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of files.read(object, { length: Math.min(size, headBytes) })) pieces.push(piece);
    } catch (error) {
      // What cannot be read is reported when the file is loaded; its copy may be enough.
      if (error instanceof RestoreError && error.failure.code !== 'cancelled') continue;
      throw error;
    }
    found.push({ name: object, start: Buffer.concat(pieces) });
  }
  return found;
}

function isSalted(start: Uint8Array): boolean {
  return startsWith(start, saltedMagic);
}

/** With a fitting pass the text begins as an info file does; with its first block damaged the rest is still text. */
function opens(pass: Secret, stored: Uint8Array): boolean {
  if (!isSalted(stored) || stored.length < headerBytes) return false;
  const plain = decryptStart(stored, pass);
  if (startsWith(plain, plainMagic)) return true;
  const rest = plain.subarray(32, plain.length - 16);
  if (rest.length < 64) return false;
  const printable = rest.filter((byte) => byte === 10 || (byte >= 32 && byte < 127)).length;
  return printable > rest.length * 0.7;
}

function refusal(heads: Head[], offers: KeyOffer[], others: KeyOffer[]): Failure {
  const salted = heads.filter((it) => isSalted(it.start));
  const place = { stage: 'key', path: readable(salted[0]?.name ?? ''), code: 'wrong-key' } as const;
  const opensOne = (bytes: Uint8Array) => withSecret(bytes, (pass) => salted.some((it) => opens(pass, it.start)));
  const other = others.find((it) => opensOne(it.bytes));
  if (other) {
    const what = [
      ...(other.repo === undefined ? [] : [`repository ${other.repo}`]),
      ...(other.stanza === undefined ? [] : [`stanza ${other.stanza}`]),
    ].join(', ');
    return {
      ...place,
      reason: 'pass-of-another-repository',
      message: `the pass that opens it is configured for another repository or stanza: ${what}, from ${other.source}`,
      hint: 'Name the repository that this is a copy of, or correct the configuration.',
    };
  }
  const [first] = offers;
  if (first === undefined) {
    return {
      ...place,
      reason: 'no-pass',
      message: 'the repository is encrypted and no cipher pass was given',
      hint: 'Give the pgbackrest.conf (or the Secret) that holds its repo-cipher-pass, or a file with the pass.',
    };
  }
  for (const offer of offers) {
    for (const { bytes, description } of variants(offer.bytes)) {
      if (!opensOne(bytes)) continue;
      return {
        ...place,
        reason: 'pass-variant',
        message: `the pass from ${offer.source} does not open the repository as it is, but would ${description}`,
        hint: `Use the pass ${description}.`,
      };
    }
  }
  const sources = [...new Set(offers.map((it) => it.source))].join(', ');
  return {
    ...place,
    reason: 'wrong-pass',
    message: `the pass from ${sources} does not open the repository`,
    hint: 'It is the pass of another repository, or one that was changed after the stanza was created: an earlier revision of the configuration may hold the right one.',
  };
}

function copyOf({ pass, source }: OpenedBy): OpenedBy {
  return { pass: new Secret(Uint8Array.from(pass.reveal())), source };
}

function withSecret<T>(bytes: Uint8Array, use: (secret: Secret) => T): T {
  const secret = new Secret(Uint8Array.from(bytes));
  try {
    return use(secret);
  } finally {
    secret.wipe();
  }
}

function decodedBase64(text: string): string | undefined {
  if (text.length < 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64').toString('latin1').replace(/\n$/, '');
}
