/** What can be written at the cursor: the one entry for editors. Texts hide in texts; here is decided in which one the cursor is. */

import type { Edit, Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Workspace } from '../workspace.ts';
import { type ConfCompletion, type ConfSurroundings, completeConf, surroundingsOf } from './completeConf.ts';
import { completeManifest } from './completeManifest.ts';

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
    const host = edit.at.part.text.slice(edit.at.start, edit.at.end);
    // Editors replace within one line.
    if (host.includes('\n')) return [];
    return [{ ...described(it), at: edit.at, newText: edit.newText, isSnippet: false, filterText: host }];
  });
}

function described(it: ConfCompletion): Omit<Completion, 'at' | 'newText'> {
  const { label, kind, detail, documentation, isSnippet, rank } = it;
  return { label, kind, detail, documentation, isSnippet, rank };
}
