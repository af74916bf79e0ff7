import type { Edit, Place } from '../part.ts';
import type { MappedText } from '../text/mappedText.ts';
import { addEntry, cutEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';
import { lineBehind, lineRemoval } from './confChange.ts';
import type { ConfOption, Scope } from './confFile.ts';
import { type Resolved, resolveOption } from './options.ts';
import { isOpaque } from './values.ts';

/** One option with its value, wherever it was written: a line of a conf, or an entry of a cluster's `global`. */
export interface Setting {
  key: string;
  resolved: Resolved;
  /** `repo1` for repo1-cipher-type and for the old repo-cipher-type. */
  group: string | undefined;
  value: string;
  /** true where a renderer still has to fill the value. */
  isOpaque: boolean;
  scope: Scope;
  keyPlace: Place;
  /** Only the value, without quotes of YAML around it. */
  valuePlace: Place;
  /** The place of `repo1` inside the key, for rename. */
  groupPlace: Place | undefined;
  /** A stretch of the value. */
  placeInValue(start: number, end: number): Place;
  replaceInValue(start: number, end: number, newText: string): Edit[];
  rename(newKey: string): Edit[];
  setValue(newValue: string): Edit[];
  remove(): Edit[];
  /** A new option on its own line behind this one. */
  insertAfter(key: string, value: string): Edit[];
  /** The line in the conf, or the entry of the map. */
  origin: { kind: 'conf'; text: MappedText; option: ConfOption } | { kind: 'global'; node: YamlNode };
}

export function settingOfOption(text: MappedText, option: ConfOption): Setting {
  const at = (start: number, end: number) => text.place(start, end);
  const resolved = resolveOption(option.key);
  const groupLength = /^(?:repo|pg|db)[0-9]*(?=-)/.exec(option.key)?.[0].length ?? 0;
  return {
    key: option.key,
    resolved,
    group: groupOf(resolved),
    value: option.value,
    isOpaque: isOpaque(option.value),
    scope: option.section.scope,
    keyPlace: at(option.keyStart, option.keyEnd),
    valuePlace: at(option.valueStart, option.valueEnd),
    groupPlace: groupLength > 0 ? at(option.keyStart, option.keyStart + groupLength) : undefined,
    placeInValue: (start, end) => at(option.valueStart + start, option.valueStart + end),
    replaceInValue: (start, end, newText) =>
      text.edits([{ start: option.valueStart + start, end: option.valueStart + end, newText }]),
    rename: (newKey) => text.edits([{ start: option.keyStart, end: option.keyEnd, newText: newKey }]),
    setValue: (newValue) => text.edits([{ start: option.valueStart, end: option.valueEnd, newText: newValue }]),
    remove: () => text.edits([lineRemoval(text.text, option)]),
    insertAfter: (key, value) => text.edits([lineBehind(text.text, option, `${key}=${value}`)]),
    origin: { kind: 'conf', text, option },
  };
}

/** The entries of `global` (or of any map of options): the operator writes each as one line of [global]. */
export function settingsOfMap(map: YamlNode): Setting[] {
  return map.entries().map((node) => {
    const key = node.key?.text ?? '';
    const keyText = node.key?.mapped;
    const value = node.text ?? '';
    const resolved = resolveOption(key);
    const mapped = node.mapped;
    const groupLength = /^(?:repo|pg|db)[0-9]*(?=-)/.exec(key)?.[0].length ?? 0;
    return {
      key,
      resolved,
      group: groupOf(resolved),
      value,
      isOpaque: isOpaque(value) || node.hasForeignTag,
      scope: {},
      keyPlace: node.keyPlace,
      valuePlace: mapped && mapped.text.length > 0 ? mapped.place(0, mapped.text.length) : node.place,
      groupPlace: groupLength > 0 && keyText ? keyText.place(0, groupLength) : undefined,
      placeInValue: (start, end) => (mapped && value !== '' ? mapped.place(start, end) : node.place),
      replaceInValue: (start, end, newText) => [
        { at: node.place, newText: `"${value.slice(0, start)}${newText}${value.slice(end)}"` },
      ],
      rename: (newKey) => [{ at: node.keyPlace, newText: newKey }],
      setValue: (newValue) => [{ at: node.place, newText: `"${newValue}"` }],
      // What a merge key brings stands in another map.
      remove: () => cutEntry(map, node) ?? [],
      // The order of a map means nothing: the new option comes last.
      insertAfter: (newKey, newValue) => addEntry(map, newKey, newValue) ?? [],
      origin: { kind: 'global', node },
    };
  });
}

function groupOf(resolved: Resolved): string | undefined {
  const group = resolved.definition?.group;
  return group && resolved.index !== undefined ? `${group}${resolved.index}` : undefined;
}
