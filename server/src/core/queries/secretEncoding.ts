/**
 * `stringData` to `data` and back, entry by entry: values change, and everything else (comments, order, quotes around names,
 * anchors) stays byte for byte. What cannot be turned stays where it is, and is said.
 */

import { isScalar } from 'yaml';
import type { Edit } from '../part.ts';
import { type SecretEntry, SecretResource } from '../resources/secret.ts';
import { encodeBase64, utf8 } from '../text/base64.ts';
import { literalBlock, plainOrQuoted } from '../text/scalarText.ts';
import type { YamlNode } from '../yaml/node.ts';
import { plainType } from '../yaml/types11.ts';

export interface Recoding {
  edits: Edit[];
  /** Names of the entries that moved. */
  changed: string[];
  /** Entries that stay as they are, and why; holds no value. */
  kept: { name: string; because: string }[];
}

/** Every entry of `stringData` becomes one of `data`. */
export function encodeSecret(secret: SecretResource): Recoding {
  return encode(secret, () => true);
}

/** Every entry of `data` that is text becomes one of `stringData`; binary values stay. */
export function decodeSecret(secret: SecretResource): Recoding {
  return decode(secret, () => true);
}

/** As `encodeSecret`, for one entry. */
export function encodeEntry(entry: SecretEntry): Recoding {
  return entry.secret instanceof SecretResource ? encode(entry.secret, (it) => it === entry) : nothing();
}

/** As `decodeSecret`, for one entry. */
export function decodeEntry(entry: SecretEntry): Recoding {
  return entry.secret instanceof SecretResource ? decode(entry.secret, (it) => it === entry) : nothing();
}

function nothing(): Recoding {
  return { edits: [], changed: [], kept: [] };
}

function encode(secret: SecretResource, isMeant: (entry: SecretEntry) => boolean): Recoding {
  return recode(secret, 'stringData', 'data', (entry, node) => {
    if (!isMeant(entry)) return { because: 'another one is meant' };
    if (entry.isOpaque) return { because: 'a renderer still has to fill its value' };
    const value = encodeBase64(new TextEncoder().encode(node.text ?? ''));
    return { value: isQuoted(node) || plainType(value) !== 'string' ? JSON.stringify(value) : value };
  });
}

function decode(secret: SecretResource, isMeant: (entry: SecretEntry) => boolean): Recoding {
  return recode(secret, 'data', 'stringData', (entry, node, column) => {
    if (!isMeant(entry)) return { because: 'another one is meant' };
    if (entry.isOpaque) return { because: 'a renderer still has to fill its value' };
    if (!entry.bytes) return { because: 'its value is not base64' };
    const text = utf8(entry.bytes);
    if (text === undefined || text.includes('\0')) return { because: 'its value is binary' };
    // `|+` would take the empty lines behind it along.
    if (text.endsWith('\n\n')) return { value: JSON.stringify(text) };
    if (text.includes('\n')) return { value: literalBlock(text, ' '.repeat(column + 2), false) };
    return { value: isQuoted(node) ? JSON.stringify(text) : plainOrQuoted(text) };
  });
}

type Recode = (entry: SecretEntry, node: YamlNode, column: number) => { value: string } | { because: string };

function recode(
  secret: SecretResource,
  from: 'data' | 'stringData',
  to: 'data' | 'stringData',
  recodeValue: Recode,
): Recoding {
  const result: Recoding = { edits: [], changed: [], kept: [] };
  const source = secret.node.get(from);
  if (secret.isManagedElsewhere) {
    result.kept.push({ name: secret.title, because: 'its values are made elsewhere' });
    return result;
  }
  if (!source?.isMap || source.entries().length === 0) return result;
  const moves: Move[] = [];
  for (const node of source.entries()) {
    const name = node.key?.text ?? '';
    const stuck = whyStuck(source, node);
    const entry = secret.entries.find((it) => it.container === from && it.node?.keyPlace.start === node.keyPlace.start);
    const recoded =
      stuck || !entry ? { because: stuck ?? 'it has no value' } : recodeValue(entry, node, columnOf(source, node));
    if ('because' in recoded) result.kept.push({ name, because: recoded.because });
    else moves.push({ name, node, value: recoded.value });
  }
  if (result.kept.length > 0) {
    // What stays may repeat what goes.
    for (const it of moves.filter(({ node }) => hasAnchor(node))) {
      result.kept.push({ name: it.name, because: 'its value has an anchor' });
      moves.splice(moves.indexOf(it), 1);
    }
  }
  if (moves.length === 0) return result;
  result.changed = moves.map((it) => it.name);
  const target = secret.node.get(to);
  const isWhole = result.kept.length === 0;
  if (isWhole && (!target || target.isNull || target.entries().length === 0)) {
    result.edits = inPlace(source, target, to, moves);
  } else {
    result.edits = moved(secret, source, target, to, moves, isWhole);
  }
  return result;
}

interface Move {
  name: string;
  node: YamlNode;
  /** The new scalar as it stands in YAML; lines after the first are indented. */
  value: string;
}

/** The section gets its other name, the values their other form; nothing moves. */
function inPlace(source: YamlNode, target: YamlNode | undefined, to: string, moves: Move[]): Edit[] {
  const edits: Edit[] = [{ at: source.keyPlace, newText: withQuotesOf(source, to) }];
  for (const it of moves) edits.push(...valueEdits(source, it));
  // An empty section of the other name would be there twice.
  if (target?.key) edits.push(removeLines(target));
  return edits;
}

/** Entries that move into a section that is there, or that becomes necessary because others stay. */
function moved(
  secret: SecretResource,
  source: YamlNode,
  target: YamlNode | undefined,
  to: string,
  moves: Move[],
  isWhole: boolean,
): Edit[] {
  const edits: Edit[] = [];
  const names = new Set(moves.map((it) => it.name));
  const column = columnOf(target && !target.isNull && !target.isFlow ? target : source, undefined);
  const texts = moves.map((it) => segmentText(source, it, column));
  if (isWhole) edits.push(removeLines(source));
  else for (const it of moves) edits.push(removeEntry(source, it.node));

  const replaced = to === 'data' ? (target?.entries().filter((it) => names.has(it.key?.text ?? '')) ?? []) : [];
  const kept = target?.entries().filter((it) => !replaced.includes(it)) ?? [];
  if (target?.isMap && !target.isFlow && target.entries().length > 0) {
    // stringData wins over data: what stands there under the same name never reached the cluster.
    const skipped = to === 'stringData' ? target.entries().map((it) => it.key?.text) : [];
    const wanted = texts.filter((_, i) => !skipped.includes(moves[i]!.name));
    for (const it of replaced) edits.push(removeEntry(target, it));
    const last = kept.at(-1) ?? target.entries().at(-1)!;
    const { at, prefix } = lineAfter(last);
    if (wanted.length > 0) edits.push({ at, newText: prefix + wanted.join('') });
    return merged(edits);
  }
  if (target?.isMap && target.isFlow && target.entries().length > 0) {
    const flow = moves.filter((it) => !(to === 'stringData' && kept.some((other) => other.key?.text === it.name)));
    const items = flow.map((it) => `${keyText(it.node)}: ${flowValue(it.value)}`);
    const last = target.entries().at(-1)!;
    const end = last.usePlace.end;
    for (const it of replaced) edits.push(removeEntry(target, it));
    if (items.length > 0) edits.push({ at: secret.part.place(end, end), newText: `, ${items.join(', ')}` });
    return merged(edits);
  }
  if (target?.key) edits.push(removeLines(target));
  const indent = ' '.repeat(source.column);
  const { at, prefix } = lineAfter(source);
  edits.push({ at, newText: `${prefix}${indent}${to}:\n${texts.join('')}` });
  return merged(edits);
}

/** Why an entry cannot be turned without changing something else. */
function whyStuck(source: YamlNode, node: YamlNode): string | undefined {
  if (node.isMap || node.isList) return 'it is no text';
  if (node.hasForeignTag) return 'its value is made elsewhere';
  const { start, end } = source.place;
  const key = node.key?.place;
  if (!key || key.start < start || key.end > end) return 'a merge key brings it from elsewhere';
  return isUsedOutside(source, node) ? 'an alias elsewhere repeats its value' : undefined;
}

function hasAnchor(node: YamlNode): boolean {
  const raw = node.node;
  return isScalar(raw) && raw.anchor !== undefined;
}

function isQuoted(node: YamlNode): boolean {
  return node.part.text[node.usePlace.start] === '"';
}

function isUsedOutside(source: YamlNode, node: YamlNode): boolean {
  const raw = node.node;
  if (!isScalar(raw) || !raw.anchor) return false;
  const { start, end } = source.place;
  const { text } = node.part;
  const outside = `${text.slice(0, start)}\n${text.slice(end)}`;
  return outside.split(/[\s,[\]{}]+/).includes(`*${raw.anchor}`);
}

function valueEdits(source: YamlNode, { node, value }: Move): Edit[] {
  const place = node.usePlace;
  const text = node.part.text;
  if (isInsideAlias(source, node)) return [];
  if (node.isNull && place.start === place.end) {
    const colon = text.indexOf(':', node.keyPlace.end) + 1;
    const newText = source.isFlow ? flowValue(value) : value;
    return [{ at: node.part.place(colon, colon), newText: ` ${newText}` }];
  }
  const { start, end, comment } = writtenValue(node);
  const newText = source.isFlow ? flowValue(value) : withComment(value, comment);
  return [{ at: node.part.place(start, end), newText }];
}

/** The value with the comment on its line, which belongs behind the `|` of a block scalar. */
function writtenValue(node: YamlNode): { start: number; end: number; comment: string } {
  const { start, end } = valueRange(node);
  const text = node.part.text;
  const inHeader = /^[|>][^\s#]*([ \t]+#[^\r\n]*)/.exec(text.slice(start, end))?.[1];
  if (inHeader) return { start, end, comment: inHeader.trim() };
  const behind = /^[ \t]+#[^\r\n]*/.exec(text.slice(end))?.[0] ?? '';
  return { start, end: end + behind.length, comment: behind.trim() };
}

function withComment(value: string, comment: string): string {
  if (comment === '') return value;
  const newline = value.indexOf('\n');
  return newline < 0 ? `${value} ${comment}` : `${value.slice(0, newline)} ${comment}${value.slice(newline)}`;
}

/** An alias to an anchor of the same section: the anchored value is turned, and the alias follows. */
function isInsideAlias(source: YamlNode, node: YamlNode): boolean {
  const target = node.node;
  const { start, end } = source.place;
  const own = node.usePlace;
  const range = target?.range;
  if (!range || (range[0] === own.start && range[1] === own.end)) return false;
  return range[0] >= start && range[1] <= end;
}

/** From the scalar's first character to its last; a block scalar keeps the line break at its end. */
function valueRange(node: YamlNode): { start: number; end: number } {
  const { start, end } = node.usePlace;
  const text = node.part.text;
  let stop = end;
  while (stop > start && /\s/.test(text[stop - 1]!)) stop--;
  return { start, end: stop };
}

/** The entry with the comments above it, as lines for another section. */
function segmentText(source: YamlNode, { node, value }: Move, column: number): string {
  const text = node.part.text;
  const indent = ' '.repeat(column);
  if (source.isFlow) return `${indent}${keyText(node)}: ${value}\n`;
  const { start } = segment(node);
  const key = node.keyPlace;
  const above = text
    .slice(start, text.lastIndexOf('\n', key.start - 1) + 1)
    .split('\n')
    .filter((it) => it.trim() !== '')
    .map((it) => `${indent}${it.trim()}\n`)
    .join('');
  return `${above}${indent}${keyText(node)}: ${withComment(value, writtenValue(node).comment)}\n`;
}

/** Whole lines of an entry: from the comments directly above it to the end of its value's last line. */
function segment(node: YamlNode): { start: number; end: number } {
  const text = node.part.text;
  let start = text.lastIndexOf('\n', node.keyPlace.start - 1) + 1;
  for (;;) {
    const above = text.lastIndexOf('\n', start - 2) + 1;
    if (start === 0 || above === start || !/^[ \t]*#/.test(text.slice(above, start))) break;
    start = above;
  }
  const { end } = valueRange(node);
  const newline = text.indexOf('\n', Math.max(end, node.keyPlace.end));
  return { start, end: newline < 0 ? text.length : newline + 1 };
}

function removeEntry(map: YamlNode, node: YamlNode): Edit {
  if (!map.isFlow) {
    const { start, end } = segment(node);
    return { at: node.part.place(start, end), newText: '' };
  }
  const text = node.part.text;
  const start = node.keyPlace.start;
  const end = Math.max(node.usePlace.end, node.keyPlace.end);
  const after = /^\s*,\s*/.exec(text.slice(end))?.[0].length ?? 0;
  const before = after > 0 ? 0 : (/,\s*$/.exec(text.slice(0, start))?.[0].length ?? 0);
  return { at: node.part.place(start - before, end + after), newText: '' };
}

/** The section with its key, its comments and its lines. */
function removeLines(section: YamlNode): Edit {
  const text = section.part.text;
  const start = text.lastIndexOf('\n', section.keyPlace.start - 1) + 1;
  const { end } = valueRange(section);
  const newline = text.indexOf('\n', Math.max(end, section.keyPlace.end));
  return { at: section.part.place(start, newline < 0 ? text.length : newline + 1), newText: '' };
}

function lineAfter(node: YamlNode): { at: ReturnType<YamlNode['part']['place']>; prefix: string } {
  const text = node.part.text;
  const { end } = valueRange(node);
  const newline = text.indexOf('\n', Math.max(end, node.keyPlace.end));
  const at = newline < 0 ? text.length : newline + 1;
  return { at: node.part.place(at, at), prefix: newline < 0 ? '\n' : '' };
}

/** Insertions behind a stretch that goes away belong to it: editors take no edits that touch in doubtful order. */
function merged(edits: Edit[]): Edit[] {
  const sorted = edits.toSorted((a, b) => a.at.start - b.at.start || a.at.end - b.at.end);
  const out: Edit[] = [];
  for (const it of sorted) {
    const last = out.at(-1);
    if (last && it.at.start <= last.at.end) {
      out[out.length - 1] = {
        at: last.at.part.place(last.at.start, Math.max(last.at.end, it.at.end)),
        newText: last.newText + it.newText,
      };
    } else out.push(it);
  }
  return out;
}

function keyText(node: YamlNode): string {
  const { start, end } = node.keyPlace;
  return node.part.text.slice(start, end);
}

function withQuotesOf(section: YamlNode, name: string): string {
  const quote = /^["']/.exec(keyText(section))?.[0] ?? '';
  return quote + name + quote;
}

/** Where the lines of a block scalar begin. */
function columnOf(map: YamlNode, node: YamlNode | undefined): number {
  if (map.isFlow) return map.column + 2;
  return (node ?? map.entries()[0])?.column ?? map.column + 2;
}

function flowValue(value: string): string {
  if (!/^[|>]/.test(value)) return value;
  // A block scalar has no place in flow style.
  const lines = value.split('\n').slice(1);
  const indent = /^ */.exec(lines.find((it) => it !== '') ?? '')![0].length;
  const keep = value.startsWith('|-') ? '' : '\n';
  return JSON.stringify(lines.map((it) => it.slice(indent)).join('\n') + keep);
}
