/** Key bytes from where the user keeps them: a file, stdin, an environment variable, a prompt. Never from an argument. */

import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fail } from '../../../engine/src/failure.ts';
import { ioFailure } from '../../../engine/src/files/source.ts';
import { type OptionTable, type OptionValues, UsageError } from './arguments.ts';
import { readStdin } from './stdin.ts';
import type { Terminal } from './terminal.ts';

export const PASSPHRASE_OPTIONS = {
  'passphrase-file': {
    kind: 'text',
    value: 'FILE',
    help: 'a file whose first line is the passphrase; - for stdin',
  },
  'passphrase-env': { kind: 'text', value: 'NAME', help: 'the environment variable that holds the passphrase' },
} as const satisfies OptionTable;

export const KEY_OPTIONS = {
  'key-file': { kind: 'text', value: 'FILE', help: 'a file that holds the key; - for stdin' },
  'key-env': { kind: 'text', value: 'NAME', help: 'the environment variable that holds the key' },
  'key-transform': {
    kind: 'text',
    choices: ['hex', 'base64', 'none'],
    help: "how a libsodium key is written, as StackGres' keyTransform says",
  },
  ...PASSPHRASE_OPTIONS,
} as const satisfies OptionTable;

/** Bytes with a name for people; `wipe` them when the job is done. */
export interface Material {
  bytes: Uint8Array;
  source: string;
}

export interface KeyMaterial {
  key: Material | undefined;
  passphrase: Material | undefined;
}

/**
 * What the options name; undefined what they leave open.
 *
 * @throws UsageError for contradictions and an unset variable, RestoreError `io` for a file that cannot be read
 */
export async function readKeyMaterial(
  options: OptionValues<typeof KEY_OPTIONS>,
  terminal: Terminal,
): Promise<KeyMaterial> {
  if (options['key-file'] === '-' && options['passphrase-file'] === '-') {
    throw new UsageError('stdin can hold the key or the passphrase, not both', 'Put one of them into a file.');
  }
  return {
    key: await readMaterial('key', options['key-file'], options['key-env'], terminal),
    passphrase: await readPassphrase(options, terminal),
  };
}

export function readPassphrase(
  options: OptionValues<typeof PASSPHRASE_OPTIONS>,
  terminal: Terminal,
): Promise<Material | undefined> {
  return readMaterial('passphrase', options['passphrase-file'], options['passphrase-env'], terminal);
}

export function wipe(...materials: (Material | undefined)[]): void {
  for (const it of materials) it?.bytes.fill(0);
}

/** An armored OpenPGP key, public or private, wherever in the text it begins. */
export function isArmoredKey(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4_096)).toString('latin1');
  return /-----BEGIN PGP (?:PUBLIC|PRIVATE) KEY BLOCK-----/.test(start);
}

/** A private key or certificate in PEM, for CMS. */
export function isPem(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 65_536)).toString('latin1');
  return /-----BEGIN (?:(?:ENCRYPTED |RSA |EC )?PRIVATE KEY|(?:X509 |TRUSTED )?CERTIFICATE)-----/.test(start);
}

async function readMaterial(
  what: 'key' | 'passphrase',
  file: string | undefined,
  variable: string | undefined,
  terminal: Terminal,
): Promise<Material | undefined> {
  if (file !== undefined && variable !== undefined) {
    throw new UsageError(`--${what}-file and --${what}-env both name a ${what}`, 'Leave one of them out.');
  }
  if (file !== undefined) return readKeyFile(what, file, terminal);
  return variable === undefined ? undefined : readVariable(what, variable, terminal);
}

/** @throws RestoreError `io` when it cannot be read, `usage` when it is empty or too large for a key */
export async function readKeyFile(what: 'key' | 'passphrase', file: string, terminal: Terminal): Promise<Material> {
  const isStdin = file === '-';
  const source = isStdin ? `${what} from stdin` : `${what} file ${basename(file)}`;
  const bytes = isStdin ? await readStdin(terminal, `the ${what}`) : await readSmallFile(file);
  if (bytes.length === 0) {
    fail('usage', 'key', `the ${source} is empty`, { hint: `Name the file that holds the ${what}.` });
  }
  return { bytes, source };
}

const largestKeyBytes = 1_000_000;

async function readSmallFile(path: string): Promise<Uint8Array> {
  try {
    const handle = await open(path, 'r');
    try {
      const bytes = await handle.readFile();
      if (bytes.length > largestKeyBytes) {
        fail('usage', 'key', `${path} is too large for a key: ${bytes.length.toLocaleString('en')} bytes`, {
          hint: 'Name the file that holds the key, not the archive.',
        });
      }
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioFailure(error, path, 'key');
  }
}

/** The variable is taken out of our own environment, so that nothing we start inherits it. */
function readVariable(what: 'key' | 'passphrase', name: string, { environment }: Terminal): Material {
  const value = environment[name];
  if (!value) {
    throw new UsageError(
      `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`,
      `--${what}-env takes the name of a variable, not the ${what} itself.`,
    );
  }
  delete environment[name];
  return { bytes: Buffer.from(value, 'utf8'), source: `${what} from the environment variable ${name}` };
}
