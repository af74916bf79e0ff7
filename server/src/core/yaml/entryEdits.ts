import type { Edit } from '../part.ts';
import type { YamlNode } from './node.ts';

/** Changes of whole entries in block and flow maps; undefined where no change of the text would surely be right. */

/** A new last entry. `value` is YAML that fits on the key's line. */
export function addEntry(map: YamlNode, key: string, value: string): Edit[] | undefined {
  const text = map.part.text;
  const own = ownEntries(map);
  const last = own.at(-1);
  if (map.isFlow) {
    if (last) return insert(map, contentEnd(last), `, ${key}: ${value}`);
    const { start, end } = map.place;
    return map.isMap && /^\{\s*\}$/.test(text.slice(start, end))
      ? [{ at: map.part.place(start, end), newText: `{${key}: ${value}}` }]
      : undefined;
  }
  if (!last) return undefined;
  const end = lineEnd(text, contentEnd(last));
  return insert(map, end, `\n${' '.repeat(last.column)}${key}: ${value}`);
}

/** New last entries of a block map, as lines without its indentation. */
export function addLines(map: YamlNode, lines: readonly string[]): Edit[] | undefined {
  const last = ownEntries(map).at(-1);
  if (map.isFlow || !last || keepsFinalBreaks(last)) return undefined;
  const pad = ' '.repeat(last.column);
  const text = lines.map((it) => (it === '' ? '\n' : `\n${pad}${it}`)).join('');
  return insert(map, lineEnd(map.part.text, contentEnd(last)), text);
}

/** New lines in front of a block map's first entry, without its indentation. */
export function addLinesBefore(map: YamlNode, lines: readonly string[]): Edit[] | undefined {
  const first = ownEntries(map)[0];
  if (map.isFlow || !first) return undefined;
  const pad = ' '.repeat(first.column);
  const text = lines.map((it, i) => `${i === 0 ? '' : pad}${it}\n`).join('');
  return insert(map, first.keyPlace.start, `${text}${pad}`);
}

/** A new last item of a list, as lines without indentation and dash; in a flow list they stand as `flow`. */
export function addItem(list: YamlNode, lines: readonly string[], flow: string): Edit[] | undefined {
  const { text } = list.part;
  const { start, end } = list.place;
  const last = list.items().at(-1);
  if (list.usePlace.start !== start || !list.isList) return undefined;
  if (list.isFlow) {
    if (!last) return /^\[\s*\]$/.test(text.slice(start, end)) ? [{ at: list.place, newText: `[${flow}]` }] : undefined;
    return last.usePlace.end > start && last.usePlace.end <= end
      ? insert(list, last.usePlace.end, `, ${flow}`)
      : undefined;
  }
  if (!last || keepsFinalBreaks(last)) return undefined;
  const itemStart = last.usePlace.start;
  const pad = /^( *)- *$/.exec(text.slice(text.lastIndexOf('\n', itemStart - 1) + 1, itemStart))?.[1];
  if (pad === undefined) return undefined;
  let stop = last.usePlace.end;
  while (stop > itemStart && /\s/.test(text[stop - 1]!)) stop--;
  const item = lines.map((it, i) => `\n${pad}${i === 0 ? '- ' : '  '}${it}`).join('');
  return insert(list, lineEnd(text, stop), item);
}

/** Takes an entry away, with its line where it has one of its own; the last one stays, an empty map is another thing. */
export function removeEntry(map: YamlNode, entry: YamlNode): Edit[] | undefined {
  return ownEntries(map).length < 2 ? undefined : cutEntry(map, entry);
}

/** As `removeEntry`, also where nothing is left of the map but its key. */
export function cutEntry(map: YamlNode, entry: YamlNode): Edit[] | undefined {
  const own = ownEntries(map);
  const index = own.findIndex((it) => it.keyPlace.start === entry.keyPlace.start);
  const key = own[index]?.keyPlace;
  if (!key) return undefined;
  const text = map.part.text;
  const end = contentEnd(entry);
  if (map.isFlow) {
    const after = /^\s*,\s*/.exec(text.slice(end))?.[0].length ?? 0;
    const before = after > 0 ? 0 : (/,\s*$/.exec(text.slice(0, key.start))?.[0].length ?? 0);
    return [{ at: map.part.place(key.start - before, end + after), newText: '' }];
  }
  const lineStart = text.lastIndexOf('\n', key.start - 1) + 1;
  if (text.slice(lineStart, key.start).trim() === '') {
    const stop = lineEnd(text, end);
    return [{ at: map.part.place(lineStart, Math.min(text.length, afterBreak(text, stop))), newText: '' }];
  }
  // Behind the dash of a list: the next entry moves up.
  const next = own[index + 1]?.keyPlace;
  return next && [{ at: map.part.place(key.start, next.start), newText: '' }];
}

/** Another value for an entry; a value behind an alias stays as it is for the others. */
export function replaceValue(entry: YamlNode, value: string): Edit[] {
  const written = entry.usePlace;
  // The place of a block scalar ends before its last line break.
  if (!entry.isNull) return [{ at: written.start === entry.place.start ? entry.place : written, newText: value }];
  if (written.end > written.start) return [{ at: written, newText: value }];
  // Nothing stands behind the colon.
  const key = entry.keyPlace;
  const colon = entry.part.text.indexOf(':', key.end);
  const at = colon < 0 ? key.end : colon + 1;
  return insert(entry, at, ` ${value}`);
}

/** The entries that stand in this map itself, not behind a merge key. */
function ownEntries(map: YamlNode): YamlNode[] {
  const { start, end } = map.place;
  return map.entries().filter((it) => it.keyPlace.start >= start && it.keyPlace.end <= end);
}

/** Its value ends with `|+` or `>+`: the empty lines behind it belong to it. */
function keepsFinalBreaks(entry: YamlNode): boolean {
  const { start, end } = entry.usePlace;
  return /(?:^|[:-] *)[|>]\d?\+\d?(?:\s|$)/m.test(entry.part.text.slice(start, end));
}

/** Behind the last character of the entry's value. */
function contentEnd(entry: YamlNode): number {
  const text = entry.part.text;
  let end = entry.entryPlace.end;
  const start = entry.keyPlace.end;
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  return entry.isNull && text[end] === ':' ? end + 1 : end;
}

function lineEnd(text: string, from: number): number {
  const at = text.slice(from).search(/\r?\n/);
  return at < 0 ? text.length : from + at;
}

function afterBreak(text: string, at: number): number {
  return text.startsWith('\r\n', at) ? at + 2 : at + 1;
}

function insert(node: YamlNode, at: number, newText: string): Edit[] {
  return [{ at: node.part.place(at, at), newText }];
}
