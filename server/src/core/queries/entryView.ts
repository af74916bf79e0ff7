/**
 * An entry of a Secret or ConfigMap opened as what it is: where it stands, what it holds, and how a new text is written back
 * in the form it had. The text in between is called a view; the client shows it under a URI of its own.
 */

import type { Finding } from '../finding.ts';
import { type Edit, Part, type Place } from '../part.ts';
import { confOfEntry } from '../pgbackrest/conf.ts';
import { ConfigMapResource, type SecretEntry, SecretResource, setText } from '../resources/secret.ts';
import { withoutFinalFeeds } from '../text/lineBreaks.ts';
import { fitsBlock } from '../text/scalarText.ts';
import type { Workspace } from '../workspace.ts';

/** Which entry of a file is meant; stays the same while other things in the file change. */
export interface EntryAddress {
  uri: string;
  kind: string;
  name: string;
  namespace?: string;
  entry: string;
  /** Among equal entries of the file, in its order. */
  index: number;
}

export type EntryLanguage = 'pgbackrest-conf' | 'json' | 'yaml' | 'plaintext';

/** The entry around a place: its name or its value. */
export function entryAt(workspace: Workspace, uri: string, offset: number): SecretEntry | undefined {
  const unit = workspace.unitAt(uri, offset);
  return unit?.resources.flatMap(entriesOf).find(({ keyPlace, node }) => {
    const start = node?.entryPlace.start ?? keyPlace.start;
    const end = Math.max(keyPlace.end, node?.place.end ?? 0);
    return start <= unit.offset && unit.offset <= end;
  });
}

export function addressOf(workspace: Workspace, entry: SecretEntry): EntryAddress {
  const { secret, name } = entry;
  const { uri } = secret.part;
  const equals = allEntries(workspace, uri).filter((it) => it.name === name && isSameObject(it.secret, secret));
  const address: EntryAddress = {
    uri,
    kind: secret.manifestKind,
    name: secret.name,
    entry: name,
    index: equals.indexOf(entry),
  };
  if (secret.namespace !== undefined) address.namespace = secret.namespace;
  return address;
}

/** undefined when it is not there any more. */
export function entryOf(workspace: Workspace, address: EntryAddress): SecretEntry | undefined {
  return allEntries(workspace, address.uri).filter(
    ({ name, secret }) =>
      name === address.entry &&
      secret.manifestKind === address.kind &&
      secret.name === address.name &&
      secret.namespace === address.namespace,
  )[address.index];
}

/** The entry's text, or why there is none to edit. */
export function viewText(entry: SecretEntry): { text: string; language: EntryLanguage } | { problem: string } {
  if (entry.problem) return { problem: `the value of ${entry.name} is not base64` };
  if (entry.node?.isNull && !entry.isOpaque) return { text: '', language: languageOf(entry, '') };
  if (!entry.text) {
    return {
      problem: entry.bytes
        ? `${entry.name} is binary: it has no text`
        : `the value of ${entry.name} is filled in by somebody else; it is not in this file`,
    };
  }
  const { text } = entry.text;
  return { text, language: languageOf(entry, text) };
}

/** Writes a view's text back: base64 as base64, a block as a block. No edits where it says the same already. */
export function viewEdits(entry: SecretEntry, newText: string): Edit[] | { problem: string } {
  const seen = viewText(entry);
  if ('problem' in seen) return seen;
  if (seen.text === newText) return [];
  if (!entry.text) return { problem: `${entry.name} has no value yet that could be changed; write one first` };
  // A block's last line break and its first blanks decide about its header.
  const isSameShape = finalFeeds(newText) === finalFeeds(seen.text) && fitsBlock(newText);
  const edits = isEncoded(entry) || isSameShape ? setText(entry, newText) : [entry.text.rewritten(newText)];
  return edits ?? [];
}

function finalFeeds(text: string): number {
  return text.length - withoutFinalFeeds(text).length;
}

/** What is said about the entry, said about its view. */
export function viewFindings(findings: readonly Finding[], entry: SecretEntry, viewUri: string): Finding[] {
  return findings.flatMap((it) => {
    const at = inView(it.at, entry, viewUri);
    return at ? [{ ...it, at }] : [];
  });
}

/** Where an offset of the entry's view stands in the file. */
export function inHost({ text }: SecretEntry, offset: number): number | undefined {
  if (!text?.isExact) return undefined;
  return text.part.start + text.place(offset, Math.min(offset + 1, text.text.length)).start;
}

/** Where a place of the file stands in the entry's view. */
export function inView(at: Place, { text }: SecretEntry, viewUri: string): Place | undefined {
  if (!text?.isExact || at.part !== text.part || at.start < text.whole.start || at.end > text.whole.end)
    return undefined;
  const inside = text.unitsOf(at);
  return inside && new Part(viewUri, text.text, 0, 'conf').place(inside.start, inside.end);
}

function languageOf(entry: SecretEntry, text: string): EntryLanguage {
  if (confOfEntry(entry) || /\.conf$/.test(entry.name)) return 'pgbackrest-conf';
  if (/^\s*[{[]/.test(text) || entry.name.endsWith('.json')) return 'json';
  return /\.ya?ml$/.test(entry.name) ? 'yaml' : 'plaintext';
}

function isEncoded({ container }: SecretEntry): boolean {
  return container === 'data' || container === 'binaryData';
}

function allEntries(workspace: Workspace, uri: string): SecretEntry[] {
  return workspace.units(uri).flatMap((it) => it.resources.flatMap(entriesOf));
}

function entriesOf(resource: unknown): SecretEntry[] {
  if (!(resource instanceof SecretResource || resource instanceof ConfigMapResource)) return [];
  // An entry of a generator is a file or a literal of its own.
  return resource.entries.filter((it) => it.container !== 'generator' && it.node !== undefined);
}

function isSameObject(a: SecretEntry['secret'], b: SecretEntry['secret']): boolean {
  return a.manifestKind === b.manifestKind && a.name === b.name && a.namespace === b.namespace;
}
