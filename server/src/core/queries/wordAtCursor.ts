/** The word at the cursor of a YAML text, and what is being written there: a marker in its place shows where in the tree. */

import type { Part, Place } from '../part.ts';
import type { Path } from '../schema.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { YamlNode } from '../yaml/node.ts';
import type { Completion } from './completion.ts';

/** A plain scalar that no manifest holds. */
export const MARKER = 'restorable0cursor';

/** Names end at 253 characters; what is longer is base64. */
const longestWord = 300;

/** The word at the cursor, which the marker replaces and the accepted item too. */
export interface Word {
  part: Part;
  start: number;
  end: number;
  cursor: number;
  text: string;
  /** Inside quotes nothing needs quotes. */
  isQuoted: boolean;
  /** Behind nothing but blanks and dashes: a key, or the item of a list. */
  isFirst: boolean;
}

/** The marker in the tree. */
export interface MarkedSpot {
  /** To the entry that is being written: its key is the marker where `isKey`. */
  path: Path;
  node: YamlNode;
  parent: YamlNode;
  isKey: boolean;
}

export function wordAt(part: Part, cursor: number): Word {
  const { text } = part;
  let start = cursor;
  while (start > cursor - longestWord && start > 0 && /[A-Za-z0-9_./-]/.test(text[start - 1]!)) start--;
  // The letter of an escape is none of the word.
  if (text[start - 1] === '\\' && start < cursor) start++;
  // A dash with a blank behind it is that of a list.
  if (text[start] === '-' && (start === cursor || /^-(?:\s|$)/.test(text.slice(start, start + 2)))) {
    start = Math.min(start + 1, cursor);
  }
  let end = cursor;
  while (end < cursor + longestWord && end < text.length && /[A-Za-z0-9_./-]/.test(text[end]!)) end++;
  const before = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  const quote = /["']$/.exec(before)?.[0];
  return {
    part,
    start,
    end,
    cursor,
    text: text.slice(start, end),
    isQuoted: quote !== undefined && (text[end] === quote || !before.slice(0, -1).includes(quote)),
    isFirst: /^[ \t]*(?:- +)*$/.test(before),
  };
}

/** Where the marker stands; undefined where the text around it does not let it be seen. */
export function findMarker(root: YamlNode, path: Path = [], depth = 0): MarkedSpot | undefined {
  if (depth > 24) return undefined;
  const children = root.isMap ? root.entries() : root.items();
  for (const [i, node] of children.entries()) {
    const name = node.key?.text;
    if (name?.includes(MARKER)) return { path: [...path, name], node, parent: root, isKey: true };
    const step = name ?? i;
    if (node.isMap || node.isList) {
      // What stands behind an alias is seen where it is written.
      if (node.usePlace.start !== node.place.start) continue;
      const inside = findMarker(node, [...path, step], depth + 1);
      if (inside) return inside;
    } else if (node.text === MARKER) {
      return { path: [...path, step], node, parent: root, isKey: false };
    }
  }
  return undefined;
}

export function item(
  label: string,
  kind: Completion['kind'],
  word: Word,
  more: Partial<Completion> & { rank: number },
): Completion {
  const newText = word.isQuoted ? label : plainOrQuoted(label);
  return { label, kind, at: place(word), newText, isSnippet: false, ...more };
}

export function place(word: Word): Place {
  return word.part.place(word.start, word.end);
}

/** What a key still needs. */
export function colonAfter({ part, end }: Word): '' | ': ' {
  return /^["']?[ \t]*:(?:\s|$)/.test(part.text.slice(end, end + 200)) ? '' : ': ';
}

export function columnOf({ part, start }: Word): number {
  return start - (part.text.lastIndexOf('\n', start - 1) + 1);
}
