import type { Fix } from '../finding.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

/**
 * Has the editor's front put a new libsodium key in the place of an entry's value: a key must not travel through the server.
 * Undefined where the value does not stand in a manifest.
 */
export function generatedSodiumKey(
  entry: SecretEntry,
  encoding: 'hex' | 'base64',
  title: string,
  more: Fix['edits'] = [],
): Fix | undefined {
  if (!entry.node?.key || (entry.container !== 'stringData' && entry.container !== 'data')) return undefined;
  const [edit] = replaceValue(entry.node, '\0');
  if (!edit) return undefined;
  const [before = '', after = ''] = edit.newText.split('\0');
  const isData = entry.container === 'data';
  // Behind a colon without a value a blank is needed, which cannot go into the base64.
  if (isData && before !== '') return undefined;
  return {
    title,
    edits: more,
    command: {
      id: 'generateKeyAt',
      arguments: {
        key: `sodium-${encoding}`,
        at: edit.at,
        // 64 hex digits may look like a number: they get quotes.
        ...(isData ? { before: '', after: '', wrap: 'base64' as const } : { before: `${before}"`, after: `"${after}` }),
      },
    },
  };
}
