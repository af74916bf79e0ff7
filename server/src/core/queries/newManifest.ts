/** Pieces of manifests that fixes write or move: lines of one object become those of another. */

import type { Edit, Part } from '../part.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { YamlNode } from '../yaml/node.ts';

/** A document behind the last one of the part. */
export function appendDocument(part: Part, lines: readonly string[]): Edit {
  const end = part.text.length;
  const text = lines.join('\n');
  const isEnded = part.text.endsWith('\n');
  return { at: part.place(end, end), newText: isEnded ? `---\n${text}\n` : `\n---\n${text}` };
}

/** The first lines of an object, up to its metadata. */
export function headOf(apiVersion: string, kind: string, name: string, namespace: string | undefined): string[] {
  return [
    `apiVersion: ${apiVersion}`,
    `kind: ${kind}`,
    'metadata:',
    `  name: ${plainOrQuoted(name)}`,
    ...(namespace ? [`  namespace: ${plainOrQuoted(namespace)}`] : []),
  ];
}

/**
 * An entry under another key and indentation, as it is written, comments inside of it included. undefined where the text alone
 * is not the whole of it: behind an anchor, an alias or a merge key.
 */
export function movedEntry(entry: YamlNode, key: string, indent: number): string[] | undefined {
  const { text } = entry.part;
  const { start, end } = entry.place;
  const written = entry.usePlace;
  if (written.start !== start || /[&*]\w|<<:/.test(text.slice(start, end))) return undefined;
  const pad = ' '.repeat(indent);
  if (!text.slice(start, end).includes('\n')) return [`${pad}${key}: ${text.slice(start, end)}`];
  if (entry.isFlow || !entry.isMap) return undefined;
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  const first = start - lineStart;
  const lines = text.slice(lineStart, end).trimEnd().split(/\r?\n/);
  const shifted = lines.map((it) => {
    if (it.trim() === '') return '';
    return /^ */.exec(it)![0].length < first ? undefined : `${pad}  ${it.slice(first)}`;
  });
  if (shifted.includes(undefined)) return undefined;
  return [`${pad}${key}:`, ...(shifted as string[])];
}

/** A name that nothing has: the given one, or with a number behind it. */
export function freeName(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name;
  for (let number = 2; ; number++) if (!isTaken(`${name}-${number}`)) return `${name}-${number}`;
}

/** true where a manifest is written with lines, so that lines can be added to it. */
export function isWrittenInLines(root: YamlNode): boolean {
  return !root.isFlow && !/\.json$/i.test(root.part.uri);
}
