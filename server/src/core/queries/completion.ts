/** What can be written at the cursor: the one entry for editors. Texts hide in texts; here is decided in which one the cursor is. */

import type { Edit, Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Workspace } from '../workspace.ts';
import { type ConfCompletion, type ConfSurroundings, completeConf, surroundingsOf } from './completeConf.ts';
import { completeManifest } from './completeManifest.ts';
import { completeSettings } from './settingsHelp.ts';

export interface Completion {
  label: string;
  kind: 'option' | 'value' | 'section' | 'field' | 'name' | 'snippet';
  /** In a few words, beside the label. */
  detail?: string;
  /** Markdown. */
  documentation?: string;
  /** Replaced by `newText` when the item is accepted; holds the cursor. */
  at: Place;
  newText: string;
  /** `newText` has `${1:places}` to fill in. */
  isSnippet: boolean;
  /** What was typed is compared with this; the label where absent. */
  filterText?: string;
  /** Changes elsewhere that belong to it: the other lines of a wrapped base64 text. */
  more?: Edit[];
  /** Lower comes first. */
  rank: number;
}

export function completion(workspace: Workspace, uri: string, offset: number): Completion[] {
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return [];
  for (const conf of unit.confs) {
    // A conf in a text scalar is completed with the manifest: what is half typed there may end the scalar.
    if (conf.entry && conf.entry.container !== 'data' && conf.entry.container !== 'binaryData') continue;
    const { start, end } = conf.text.whole;
    if (unit.offset < start || unit.offset > end) continue;
    return inConf(workspace, conf, unit.offset);
  }
  if (unit.settings) return completeSettings(workspace, unit.part, unit.offset);
  return unit.part.language === 'yaml' ? completeManifest(workspace, unit.part, unit.offset) : [];
}

/** A snippet for clients that know none: its places as plain text. */
export function withoutPlaces(snippet: string): string {
  return snippet
    .replace(/\$\{\d+\|([^,|}]*)[^}]*\|\}/g, '$1')
    .replace(/\$\{\d+:((?:[^}\\]|\\.)*)\}/g, '$1')
    .replace(/\$\{?\d+\}?/g, '')
    .replace(/\\([$}\\])/g, '$1');
}

function inConf(workspace: Workspace, conf: Conf, offset: number): Completion[] {
  const index = conf.text.indexAt(offset);
  if (index === undefined) return [];
  const around: ConfSurroundings = surroundingsOf(conf, workspace);
  const items = completeConf(conf.text.text, index, around);
  if (!conf.entry)
    return items.map((it) => ({ ...described(it), at: conf.place(it.start, it.end), newText: it.newText }));
  return items.flatMap((it) => {
    // The whole value is encoded anew. What the editor would compare with is base64, so the choice is made here.
    const typed = conf.text.text.slice(it.start, index).toLowerCase();
    if (!it.label.toLowerCase().includes(typed)) return [];
    const text = it.isSnippet ? withoutPlaces(it.newText) : it.newText;
    const edits: Edit[] = conf.edits({ start: it.start, end: it.end, newText: text });
    const [edit] = edits;
    if (!edit || edits.length > 1) return [];
    const { here, more } = aroundCursor(edit, offset);
    const host = here.at.part.text.slice(here.at.start, here.at.end);
    return [
      {
        ...described(it),
        at: here.at,
        newText: here.newText,
        isSnippet: false,
        filterText: host,
        ...(more.length > 0 && { more }),
      },
    ];
  });
}

/** Editors replace within the cursor's line: what changes above and below it comes beside that. */
function aroundCursor({ at, newText }: Edit, cursor: number): { here: Edit; more: Edit[] } {
  const { part, start, end } = at;
  const before = part.text.slice(start, cursor).lastIndexOf('\n');
  const after = part.text.slice(cursor, end).indexOf('\n');
  if (before < 0 && after < 0) return { here: { at, newText }, more: [] };
  const lineStart = before < 0 ? start : start + before + 1;
  const lineEnd = after < 0 ? end : cursor + after;
  const above = part.text.slice(start, lineStart).split('\n').length - 1;
  const lines = newText.split('\n');
  const more: Edit[] = [];
  // What was joined over lines becomes one: it stands on the cursor's.
  const own = lines.length > above ? lines.slice(above, after < 0 ? undefined : above + 1) : lines;
  if (above > 0) {
    const kept = lines.length > above ? `${lines.slice(0, above).join('\n')}\n` : '';
    more.push({ at: part.place(start, lineStart), newText: kept });
  }
  if (after >= 0) {
    const rest = lines.length > above ? lines.slice(above + 1) : [];
    more.push({ at: part.place(lineEnd, end), newText: rest.map((it) => `\n${it}`).join('') });
  }
  // Without the indentation that stays: what is typed begins behind it.
  const indent = above > 0 ? /^ */.exec(part.text.slice(lineStart, lineEnd))![0] : '';
  const skipped = own[0]!.startsWith(indent) && lineStart + indent.length <= cursor ? indent.length : 0;
  return {
    here: { at: part.place(lineStart + skipped, lineEnd), newText: own.join('\n').slice(skipped) },
    more,
  };
}

function described(it: ConfCompletion): Omit<Completion, 'at' | 'newText'> {
  const { label, kind, detail, documentation, isSnippet, rank } = it;
  return { label, kind, detail, documentation, isSnippet, rank };
}
