/** Keys from WAL-G's own configuration: variables in an environment file, an envdir, `~/.walg.json`, `walg.yaml`. */

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { KeyOffer } from '../../../engine/src/job.ts';
import { readText } from '../loader.ts';
import { UsageError } from './arguments.ts';
import { harmless } from './terminal.ts';

export interface WalgKeys {
  offers: KeyOffer[];
  /** false: the settings are there, and none of them encrypts. */
  isEncrypted: boolean;
}

/**
 * undefined where none of the paths holds settings of WAL-G.
 *
 * @param paths files, or folders that hold such files
 * @throws UsageError when a key file that the settings name cannot be read
 */
export async function readWalgKeys(paths: readonly string[]): Promise<WalgKeys | undefined> {
  let found: WalgKeys | undefined;
  for (const path of paths) {
    for (const settings of await settingsAt(path)) {
      const offers = await offersOf(settings);
      found ??= { offers: [], isEncrypted: false };
      found.offers.push(...offers);
      found.isEncrypted ||= offers.length > 0;
    }
  }
  return found;
}

interface Settings {
  /** As it is named in messages. */
  title: string;
  /** Names without prefix of the tool, in capitals. */
  values: Map<string, string>;
  folder: string;
}

async function settingsAt(path: string): Promise<Settings[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return (await settingsInFile(path)) ?? [];
  const names = (await readdir(path).catch(() => [])).sort();
  const settings: Settings[] = [];
  const values = new Map<string, string>();
  for (const name of names) {
    // An envdir holds one variable in each file; its first line is the value.
    if (SETTING.test(name)) {
      const file = await readText(join(path, name));
      if ('text' in file) values.set(name, valueInEnvdir(name, file.text));
    } else if (/^\.?wal-?g\.(?:json|ya?ml)$/i.test(name) || /\.env$|^\.env(?:\.|$)|^environment$/.test(name)) {
      settings.push(...((await settingsInFile(join(path, name))) ?? []));
    }
  }
  if (values.size > 0) settings.push({ title: basename(resolve(path)), values, folder: path });
  return settings;
}

async function settingsInFile(path: string): Promise<Settings[] | undefined> {
  const file = await readText(path);
  if (!('text' in file) || !/\bWALG_[A-Z]/i.test(file.text)) return undefined;
  const values = valuesIn(file.text);
  return values.size > 0 ? [{ title: basename(path), values, folder: dirname(path) }] : undefined;
}

const SETTING = /^WALG_[A-Z0-9_]+$/i;

function valuesIn(text: string): Map<string, string> {
  return fromMapping(text) ?? fromLines(text);
}

/** JSON is YAML as well. A manifest is a mapping, too, but its settings do not stand at its first level. */
function fromMapping(text: string): Map<string, string> | undefined {
  let value: unknown;
  try {
    value = parse(text, { logLevel: 'silent', intAsBigInt: true });
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const values = new Map<string, string>();
  for (const [key, it] of Object.entries(value)) {
    if (SETTING.test(key) && ['string', 'bigint', 'number', 'boolean'].includes(typeof it)) {
      values.set(key.toUpperCase(), String(it));
    }
  }
  return values;
}

/** `export WALG_X="…"`, as shells, systemd and Docker read it; a quoted value may have several lines. */
function fromLines(text: string): Map<string, string> {
  const values = new Map<string, string>();
  const line = /^[ \t]*(?:export[ \t]+)?(WALG_[A-Z0-9_]+)=(?:"((?:[^"\\]|\\[\s\S])*)"|'([^']*)'|([^\r\n]*))/gim;
  for (const [, name, double, single, plain] of text.matchAll(line)) {
    if (name === undefined) continue;
    const value = double?.replace(/\\(["\\$`])/g, '$1') ?? single ?? plain?.replace(/[ \t]+#.*$/, '').trim() ?? '';
    values.set(name.toUpperCase(), value);
  }
  return values;
}

/** Only the first line counts, except for an armored key, which tools of this kind allow with NUL for line feeds. */
function valueInEnvdir(name: string, text: string): string {
  if (/_PGP_KEY$/i.test(name)) return text.replaceAll('\0', '\n');
  return (text.split('\n')[0] ?? '').replace(/[ \t\r]+$/, '');
}

/** As WAL-G chooses: OpenPGP goes before libsodium, a key before the path of one, and what is empty is not set. */
async function offersOf({ title, values, folder }: Settings): Promise<KeyOffer[]> {
  const get = (name: string) => values.get(name) || undefined;
  const keyAt = async (name: string, path: string): Promise<Uint8Array> => {
    try {
      return await readFile(resolve(folder, path));
    } catch {
      throw new UsageError(
        `--config: ${harmless(title)} names the key file ${harmless(path)} (${name}), which cannot be read`,
        'Copy it here, or name it with --key-file.',
      );
    }
  };
  const offers: KeyOffer[] = [];
  const armored = get('WALG_PGP_KEY');
  const armoredPath = get('WALG_PGP_KEY_PATH');
  const passphrase = get('WALG_PGP_KEY_PASSPHRASE');
  const unlocked = passphrase === undefined ? {} : { passphrase: encode(passphrase.replace(/[\r\n]+$/, '')) };
  if (armored !== undefined) {
    // WAL-G takes the two characters \n for a line feed.
    const bytes = encode(armored.replaceAll('\\n', '\n'));
    offers.push({ kind: 'openpgp', source: `${title}, WALG_PGP_KEY`, bytes, ...unlocked });
  } else if (armoredPath !== undefined) {
    const bytes = await keyAt('WALG_PGP_KEY_PATH', armoredPath);
    offers.push({ kind: 'openpgp', source: `${title}, WALG_PGP_KEY_PATH`, bytes, ...unlocked });
  }
  const key = get('WALG_LIBSODIUM_KEY');
  const keyPath = get('WALG_LIBSODIUM_KEY_PATH');
  const transform = get('WALG_LIBSODIUM_KEY_TRANSFORM') ?? 'none';
  const keyTransform = transform === 'hex' || transform === 'base64' || transform === 'none' ? transform : undefined;
  if (keyTransform === undefined && (key !== undefined || keyPath !== undefined)) {
    throw new UsageError(
      `--config: WALG_LIBSODIUM_KEY_TRANSFORM in ${harmless(title)} is none that WAL-G knows`,
      'It is hex, base64 or none, in small letters.',
    );
  }
  if (key !== undefined) {
    offers.push({ kind: 'sodium', source: `${title}, WALG_LIBSODIUM_KEY`, bytes: encode(key), keyTransform });
  } else if (keyPath !== undefined) {
    const bytes = await keyAt('WALG_LIBSODIUM_KEY_PATH', keyPath);
    offers.push({ kind: 'sodium', source: `${title}, WALG_LIBSODIUM_KEY_PATH`, bytes, keyTransform });
  }
  return offers;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
