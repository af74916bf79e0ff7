/**
 * What the words of a pgBackRest configuration are: in its own file, and where it stands readable inside a manifest.
 * Colours follow from what an option really is, not from how it looks: an unknown key gets none.
 */

import { inFile, type Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { isKnownCommand } from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { Workspace } from '../workspace.ts';

/** Standard LSP token types, in the order of the legend. */
export const tokenTypes = ['namespace', 'keyword', 'property', 'enumMember', 'number', 'string', 'comment'] as const;
export const tokenModifiers = ['deprecated', 'declaration'] as const;

export interface Token {
  /** Offsets in the file; never over a line's end. */
  start: number;
  end: number;
  type: (typeof tokenTypes)[number];
  modifiers: (typeof tokenModifiers)[number][];
}

/** In the order of the text, without overlaps. */
export function semanticTokens(workspace: Workspace, uri: string): Token[] {
  const text = workspace.text(uri) ?? '';
  const found: Token[] = [];
  const add = (at: Place, type: Token['type'], ...modifiers: Token['modifiers']) => {
    const { uri: where, start, end } = inFile(at);
    if (where === uri && end > start && !text.slice(start, end).includes('\n'))
      found.push({ start, end, type, modifiers });
  };
  for (const unit of workspace.units(uri)) {
    for (const conf of unit.confs) if (isReadable(conf)) confTokens(conf, add);
    for (const resource of unit.resources) {
      if (!(resource instanceof PostgresClusterResource)) continue;
      for (const scope of resource.scopes) for (const it of scope.global) settingTokens(it, add);
    }
  }
  const ordered = found.toSorted((a, b) => a.start - b.start || b.end - a.end);
  return ordered.filter((it, i) => i === 0 || it.start >= ordered[i - 1]!.end);
}

/** Letters of base64 stand for other letters: to colour them would say nothing. */
function isReadable(conf: Conf): boolean {
  const container = conf.entry?.container;
  return conf.text.isExact && container !== 'data' && container !== 'binaryData';
}

type Add = (at: Place, type: Token['type'], ...modifiers: Token['modifiers']) => void;

function confTokens(conf: Conf, add: Add): void {
  for (const it of conf.tree.comments) add(conf.place(it.start, it.end), 'comment');
  for (const { name, nameStart, nameEnd, scope } of conf.tree.sections) {
    const colon = scope.command === undefined ? -1 : name.indexOf(':');
    const baseEnd = colon < 0 ? nameEnd : nameStart + colon;
    if (scope.stanza === undefined) add(conf.place(nameStart, baseEnd), 'keyword');
    else add(conf.place(nameStart, baseEnd), 'namespace', 'declaration');
    if (colon >= 0 && isKnownCommand(scope.command!)) add(conf.place(baseEnd + 1, nameEnd), 'keyword');
  }
  for (const it of conf.settings) settingTokens(it, add);
}

function settingTokens(setting: Setting, add: Add): void {
  const { definition, canonical } = setting.resolved;
  if (!definition) return;
  const isOld = canonical !== undefined && canonical !== setting.key;
  add(setting.keyPlace, 'property', ...(isOld ? (['deprecated'] as const) : []));
  if (setting.value === '' || setting.isOpaque) return;
  const { type, allow } = definition;
  const isChoice = type === 'boolean' || allow?.includes(setting.value);
  const isNumber = type === 'integer' || type === 'size' || type === 'time';
  add(setting.valuePlace, isChoice ? 'enumMember' : isNumber ? 'number' : 'string');
}
