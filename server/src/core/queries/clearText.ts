import type { Fix } from '../finding.ts';
import type { Edit } from '../part.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { fix } from '../rule.ts';
import { encodeBase64 } from '../text/base64.ts';
import { replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

/** What cures a value that stands below `data` as it is. */
export function clearTextCures(entry: SecretEntry, encoded: string): (Fix | undefined)[] {
  return [
    // What is filled in later must be found as it is.
    entry.isOpaque ? undefined : fix('Encode it in base64', entry.node && replaceValue(entry.node, encoded)),
    fix('Move it to stringData', moveToStringData(entry)),
  ];
}

/** The value in base64, as it stands in the file. */
export function encodedSource(entry: SecretEntry): string {
  return encodeBase64(new TextEncoder().encode(entry.source?.text ?? ''));
}

function moveToStringData(entry: SecretEntry): Edit[] | undefined {
  const manifest = entry.secret.node;
  const data = manifest.get('data');
  const target = manifest.get('stringData');
  const part = entry.secret.part;
  if (entry.container !== 'data' || entry.secret.manifestKind !== 'Secret' || !data?.key || !entry.node)
    return undefined;
  // Finding the neighbours of each of thousands takes longer than anybody waits for a fix.
  if (entry.secret.entries.length > 500) return undefined;
  const entries = data.entries();
  const isAlone = entries.length === 1 && entries[0]!.keyPlace.start === entry.keyPlace.start;
  if (isAlone && (!target || target.isNull)) {
    if (target) return undefined;
    return [{ at: data.key.place, newText: 'stringData' }];
  }
  if (isAlone || data.isFlow || manifest.isFlow) return undefined;
  const lines = linesOf(entry.node);
  if (!lines) return undefined;
  const removal = { at: part.place(lines.start, lines.end), newText: '' };
  const text = part.text.slice(lines.start, lines.end);
  if (!target) {
    const at = data.key.place.start;
    const indent = part.text.slice(part.text.lastIndexOf('\n', at - 1) + 1, at);
    if (indent.trim() !== '') return undefined;
    return [{ at: part.place(at, at), newText: `stringData:\n${text}${indent}` }, removal];
  }
  const first = target.isMap && !target.isFlow ? target.entries()[0] : undefined;
  if (!first || first.column !== entry.node.column) return undefined;
  const at = linesOf(first)?.start;
  return at === undefined ? undefined : [{ at: part.place(at, at), newText: text }, removal];
}

/** The lines of an entry that has them for itself, with the last line break. */
function linesOf(entry: YamlNode): { start: number; end: number } | undefined {
  const text = entry.part.text;
  const key = entry.keyPlace;
  const start = text.lastIndexOf('\n', key.start - 1) + 1;
  if (text.slice(start, key.start).trim() !== '') return undefined;
  const last = text.indexOf('\n', Math.max(key.end, entry.place.end));
  return last < 0 ? undefined : { start, end: last + 1 };
}
