/** Where a key is missing, and how a generated one gets there without ever passing through the protocol. */

import type { GenerateKeyAt } from '../finding.ts';
import type { Query } from '../index.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import type { YamlNode } from '../yaml/node.ts';
import { transformOf } from './sodiumKey.ts';

/** The place of an empty `repoN-cipher-pass`. */
export function emptyPassOf(setting: Setting): GenerateKeyAt | undefined {
  if (setting.resolved.name !== 'repo-cipher-pass' || setting.value !== '' || setting.origin.kind !== 'conf')
    return undefined;
  const { text, option } = setting.origin;
  const [edit, ...more] = text.edits([{ start: option.valueStart, end: option.valueEnd, newText: MARK }]);
  if (!edit || more.length > 0) return undefined;
  const [before, after] = edit.newText.split(MARK);
  if (after !== undefined) return { key: 'pgbackrest', at: edit.at, before: before!, after };
  // The conf stands in base64: the editor encodes it anew, with the key in it.
  if (text.text.length > 100_000) return undefined;
  const [whole] = text.edits([{ start: 0, end: text.text.length, newText: text.text }]);
  if (!whole || !/^[A-Za-z0-9+/=]+$/.test(whole.newText)) return undefined;
  return {
    key: 'pgbackrest',
    at: whole.at,
    before: text.text.slice(0, option.valueStart),
    after: text.text.slice(option.valueEnd),
    wrap: 'base64',
  };
}

/** The place of an empty entry that a storage takes its key from. */
export function emptyKeyOf(entry: SecretEntry, query: Query): GenerateKeyAt | undefined {
  const { node } = entry;
  if (entry.isOpaque || !node || node.isMap || node.isList || (entry.bytes && entry.bytes.length > 0)) return undefined;
  if (entry.problem && (node.text ?? '') !== '') return undefined;
  const key = keyWanted(entry, query);
  if (!key || entry.container === 'generator' || entry.container === 'template') return undefined;
  const place = emptyPlace(node);
  if (!place) return undefined;
  const { at, isFlow, before } = place;
  if (entry.container === 'data') {
    // What is put in front of the key would be encoded with it.
    return before === '' ? { key, at, before: '', after: '', wrap: 'base64' } : undefined;
  }
  if (key !== 'openpgp') return { key, at, before: `${before}"`, after: '"' };
  // An armored key has many lines: it becomes a block scalar.
  const indent = ' '.repeat(node.column + 2);
  if (isFlow) return undefined;
  const { text } = node.part;
  const newline = text.slice(at.end).search(/\r?\n|$/);
  const comment = text.slice(at.end, at.end + newline).trimEnd();
  const toLineEnd = node.part.place(at.start, at.end + newline);
  return {
    key,
    at: toLineEnd,
    before: `${before}|${comment && ` ${comment.trimStart()}`}\n${indent}`,
    after: '',
    indent,
  };
}

/** Letters that no scalar has to escape. */
const MARK = 'restorable0key';

function keyWanted(entry: SecretEntry, query: Query): GenerateKeyAt['key'] | undefined {
  const { secret } = entry;
  const symbol = { kind: 'secretEntry', name: entry.name, owner: secret.name, namespace: secret.namespace } as const;
  for (const { path, resource } of query.referencesTo(symbol)) {
    if (!(resource instanceof ObjectStorageResource)) continue;
    if (path.includes('.encryption.openpgp.key.')) return 'openpgp';
    if (!path.includes('.encryption.sodium.key.')) continue;
    return transformOf(resource.encryption?.get('sodium.keyTransform')) === 'base64' ? 'sodium-base64' : 'sodium-hex';
  }
  return undefined;
}

/** Behind the colon where nothing stands, or the quotes of an empty text. */
function emptyPlace(node: YamlNode): { at: GenerateKeyAt['at']; before: '' | ' '; isFlow: boolean } | undefined {
  const { part } = node;
  const key = node.keyPlace;
  const { start, end } = node.usePlace;
  const lineStart = part.text.lastIndexOf('\n', key.start - 1) + 1;
  const isFlow = /[{,]/.test(part.text.slice(lineStart, key.start));
  if (end > start && start > key.end) return { at: part.place(start, end), before: '', isFlow };
  const colon = part.text.indexOf(':', key.end);
  if (colon < 0) return undefined;
  const blanks = /^[ \t]*/.exec(part.text.slice(colon + 1))![0].length;
  const first = colon + 1 + Math.min(blanks, 1);
  return { at: part.place(first, colon + 1 + blanks), before: blanks > 0 ? '' : ' ', isFlow };
}
