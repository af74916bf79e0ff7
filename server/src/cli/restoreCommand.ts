/** The line of postgresql.conf that makes PostgreSQL recover from an archive of WAL-G, with the keys of the command at hand. */

import { join, resolve } from 'node:path';
import type { Report } from '../../../engine/src/report.ts';
import type { OptionValues } from './arguments.ts';
import type { KEY_OPTIONS } from './keyMaterial.ts';

interface KeySources {
  configPaths: readonly string[];
  options: OptionValues<typeof KEY_OPTIONS>;
  hasTypedKey: boolean;
}

/** undefined where the archive is of another kind, or a key was typed or came over stdin: no line can give that again. */
export function restoreCommand(
  { archive, backup, format }: Report,
  { configPaths, options, hasTypedKey }: KeySources,
): string | undefined {
  const { 'key-file': keyFile, 'passphrase-file': passphraseFile } = options;
  if (!format.startsWith('wal-g') || hasTypedKey || keyFile === '-' || passphraseFile === '-') return undefined;
  const folder = typeof backup?.path === 'string' ? join(resolve(archive), backup.path) : resolve(archive);
  const words = ['restorable archive-get %f "%p" --archive', word(folder)];
  for (const it of configPaths) words.push('--config', word(resolve(it)));
  if (keyFile !== undefined) words.push('--key-file', word(resolve(keyFile)));
  if (passphraseFile !== undefined) words.push('--passphrase-file', word(resolve(passphraseFile)));
  for (const it of ['key-env', 'key-transform', 'passphrase-env'] as const) {
    if (options[it] !== undefined) words.push(`--${it}`, word(options[it]));
  }
  return `restore_command = '${words.join(' ').replaceAll("'", "''")}'`;
}

/** For the shell that runs it; PostgreSQL takes a percent sign for its own. */
function word(text: string): string {
  const escaped = text.replaceAll('%', '%%');
  return /^[A-Za-z0-9_./:@+,=%-]+$/.test(escaped) ? escaped : `'${escaped.replaceAll("'", "'\\''")}'`;
}
