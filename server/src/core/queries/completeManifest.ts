/**
 * What can be written at a place of a manifest. The text is read once more with a marker in the place of the word at the
 * cursor: where the marker stands in the tree says what is being written, however broken the rest is.
 */

import type { Fact, SymbolName } from '../facts.ts';
import { mayHoldManifest, readDocument } from '../kinds.ts';
import { Part } from '../part.ts';
import { looksLikeConf } from '../pgbackrest/conf.ts';
import type { OptionDefinition } from '../pgbackrest/options.ts';
import type { Resource } from '../resource.ts';
import { type PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource, type SecretEntry, SecretResource } from '../resources/secret.ts';
import { describe, type FieldDescription, hasSchema, propertiesAt } from '../schema.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { Workspace } from '../workspace.ts';
import type { YamlNode } from '../yaml/node.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { type ConfSurroundings, completeConf, optionsAt, repositoryNumbers, valuesOf } from './completeConf.ts';
import type { Completion } from './completion.ts';
import { fieldText } from './hover.ts';
import { largestIndex } from './newRepository.ts';
import {
  clusterEncryption,
  clusterRepositories,
  documents,
  type ManifestSnippet,
  nextNumber,
  storageEncryption,
} from './snippets.ts';
import {
  colonAfter,
  columnOf,
  findMarker,
  item,
  MARKER,
  type MarkedSpot,
  place,
  type Word,
  wordAt,
} from './wordAtCursor.ts';

/** A manifest that is larger is written by nobody with his own hands, and read once more for each item that is asked for. */
const largestText = 500_000;

/** The marker in the tree. */
interface Spot extends MarkedSpot {
  resource: Resource;
}

export function completeManifest(workspace: Workspace, part: Part, offset: number): Completion[] {
  if (part.text.length > largestText) return [];
  const word = wordAt(part, offset);
  if (isBlank(part, word)) return documents.flatMap((it) => manifestSnippet(it, word, 5));
  if (!mayHoldManifest(part.text) && !/\b(?:kind|apiVersion)\b/.test(part.text)) return [];
  const found = new Map<string, Completion>();
  const readings = word.isFirst || /[{,]\s*$/.test(part.text.slice(0, word.start)) ? [`${MARKER}: `, MARKER] : [MARKER];
  for (const text of readings) {
    if (text !== MARKER && (colonAfter(word) === '' || word.isQuoted)) continue;
    for (const it of withMarker(workspace, word, text)) if (!found.has(it.label)) found.set(it.label, it);
  }
  return [...found.values()];
}

function withMarker(workspace: Workspace, word: Word, marker: string): Completion[] {
  const { part } = word;
  const text = part.text.slice(0, word.start) + marker + part.text.slice(word.end);
  const marked = new Part(part.uri, text, part.start, 'yaml');
  const document = readDocument(marked);
  for (const resource of document?.resources ?? []) {
    if (resource instanceof SecretResource || resource instanceof ConfigMapResource) {
      const entry = resource.entries.find((it) => it.text?.text.includes(MARKER));
      if (entry) return inTextEntry(workspace, entry, word, marker.length);
    }
    const facts = resource.facts.filter((it) => it.symbol.name === MARKER);
    const marked = findMarker(resource.node);
    const spot = marked && { ...marked, resource };
    if (!spot && facts.length === 0) continue;
    return [
      ...facts.flatMap((it) => names(workspace, it, word, spot?.isKey ? colonAfter(word) : '')),
      ...(spot ? [...inGlobal(workspace, spot, word), ...fields(spot, word), ...snippetsAt(spot, word)] : []),
    ];
  }
  return [];
}

/** Names that are defined somewhere; where something gets its name, names that are referred to and missing. */
function names(workspace: Workspace, fact: Fact, word: Word, colon: string): Completion[] {
  const { symbol, role } = fact;
  const all = allFacts(workspace).filter((it) => isCandidate(it.symbol, symbol) && it.symbol.name !== '');
  const defined = all.filter((it) => it.role === 'definition');
  const candidates =
    role === 'reference'
      ? defined
      : all.filter((it) => it.role === 'reference' && !defined.some((other) => other.symbol.name === it.symbol.name));
  const items = new Map<string, Completion>();
  for (const it of candidates) {
    const { name } = it.symbol;
    if (items.has(name)) continue;
    const rank = it.symbol.namespace === symbol.namespace ? 0 : 1;
    const detail = role === 'reference' ? it.resource.title : `named by ${it.resource.title}`;
    const newText = `${word.isQuoted ? name : plainOrQuoted(name)}${colon}`;
    items.set(name, item(name, 'name', word, { detail, rank, newText }));
  }
  if (symbol.kind === 'repository' && role === 'definition') {
    const name = freeRepository(fact.resource);
    if (name && !items.has(name)) items.set(name, item(name, 'name', word, { detail: 'the next free name', rank: 0 }));
  }
  return [...items.values()];
}

/** The next name that neither `repos` nor `global` of the cluster knows. */
function freeRepository(resource: Resource): string | undefined {
  if (!(resource instanceof PostgresClusterResource)) return undefined;
  const { own } = resource;
  if (!own) return undefined;
  const names = own.repos.map((it) => it.name);
  const next = nextNumber(repositoryNumbers([], names));
  return next <= largestIndex.cluster ? `repo${next}` : undefined;
}

function allFacts(workspace: Workspace): Fact[] {
  return workspace.uris.flatMap((uri) =>
    workspace.units(uri).flatMap((unit) => unit.resources.flatMap((it) => it.facts)),
  );
}

function isCandidate(it: SymbolName, wanted: SymbolName): boolean {
  return (
    it.kind === wanted.kind &&
    (it.owner ?? '') === (wanted.owner ?? '') &&
    (it.namespace === undefined || wanted.namespace === undefined || it.namespace === wanted.namespace)
  );
}

/** A conf that stands as text in a Secret or ConfigMap. */
function inTextEntry(workspace: Workspace, entry: SecretEntry, word: Word, markerLength: number): Completion[] {
  const source = entry.text!;
  const at = source.text.indexOf(MARKER);
  const text = source.text.slice(0, at) + word.text + source.text.slice(at + MARKER.length);
  if (!isConf(workspace, entry, text)) return [];
  const indent = ' '.repeat(columnOf(word));
  const isBlock = /^[|>]/.test(source.part.text.slice(source.whole.start));
  return completeConf(text, at + word.cursor - word.start, surroundings(workspace, entry)).flatMap((it) => {
    // Back to the text without the marker.
    const end = it.end >= at + word.text.length ? it.end + MARKER.length - word.text.length : it.end;
    const place = source.place(it.start, end);
    const unmarked = (offset: number) => (offset <= word.start ? offset : offset - markerLength + word.text.length);
    const host = word.part.place(unmarked(place.start), unmarked(place.end));
    const isSpread = word.part.text.slice(host.start, host.end).includes('\n');
    if (!source.isExact || isSpread || host.start > word.cursor || host.end < word.cursor) return [];
    if (it.newText.includes('\n') && !isBlock) return [];
    const { start: _start, end: _end, ...rest } = it;
    return [{ ...rest, at: host, newText: it.newText.replaceAll('\n', `\n${indent}`) }];
  });
}

/** What the entry will be, when it holds too little yet to tell. */
function isConf(workspace: Workspace, entry: SecretEntry, text: string): boolean {
  if (looksLikeConf(text, entry.name.endsWith('.conf'))) return true;
  if (!entry.name.endsWith('.conf') || /[^\s[\]a-z0-9:=-]/i.test(text)) return false;
  return /^(?:s3|gcs|azure|cipher)\.conf$|pgbackrest/.test(entry.name) || clustersOf(workspace, entry).length > 0;
}

function surroundings(workspace: Workspace, entry: SecretEntry): ConfSurroundings {
  const query = workspace.query();
  const clusters = clustersOf(workspace, entry);
  const settings = clusters.flatMap(({ cluster, scope }) => clusterConfiguration(cluster, scope, query).settings);
  const declared = clusters.flatMap(({ scope }) => scope.repos.map((it) => it.name));
  const own = [...(entry.text?.text ?? '').matchAll(/^[ \t]*(repo[0-9]+)-/gm)].map((it) => it[1]!);
  return {
    settings,
    repositories: repositoryNumbers(settings, [...declared, ...own]),
    stanzas: [],
    isMounted: clusters.length > 0,
    target: workspace.targets.pgbackrest,
  };
}

function clustersOf(
  workspace: Workspace,
  { secret }: SecretEntry,
): { cluster: PostgresClusterResource; scope: PgbackrestScope }[] {
  const kind = secret instanceof SecretResource ? 'secret' : 'configMap';
  const references = workspace.query().referencesTo({ kind, name: secret.name, namespace: secret.namespace });
  return references.flatMap((reference) => {
    const cluster = reference.resource;
    if (!(cluster instanceof PostgresClusterResource)) return [];
    const scope = cluster.scopes.find((it) => it.configuration.some((source) => source.reference === reference));
    return scope ? [{ cluster, scope }] : [];
  });
}

/** Options and values in the `global` of a cluster. */
function inGlobal(workspace: Workspace, spot: Spot, word: Word): Completion[] {
  if (!(spot.resource instanceof PostgresClusterResource)) return [];
  const scope = spot.resource.scopes.find((it) => `${it.path}.global` === spot.path.slice(0, -1).join('.'));
  if (!scope) return [];
  const original = originalScope(workspace, spot.resource, scope, word.part);
  const settings = original
    ? clusterConfiguration(original.cluster, original.scope, workspace.query()).settings
    : scope.global;
  const around: ConfSurroundings = {
    settings,
    repositories: repositoryNumbers(
      settings,
      scope.repos.map((it) => it.name),
    ),
    stanzas: [],
    isMounted: true,
    target: workspace.targets.pgbackrest,
  };
  if (spot.isKey) {
    const taken = new Set(scope.global.map((it) => it.resolved.canonical ?? it.key));
    // A secret in `global` stands in the cluster in clear text.
    const accepts = (it: OptionDefinition) => !it.secure && !WRITTEN_BY_OPERATOR.test(it.name);
    const colon = colonAfter(word);
    return optionsAt({ scope: {}, typed: word.text, taken, around, accepts }).map((it) => ({
      ...it,
      at: place(word),
      newText: `${it.label}${colon}`,
    }));
  }
  return valuesOf(String(spot.path.at(-1)), around).map((it) => ({
    ...it,
    at: place(word),
    // `y` is a boolean and `2` a number for the API server; `global` takes strings.
    newText: word.isQuoted ? it.newText : plainOrQuoted(it.newText),
  }));
}

/** What the operators write into every configuration themselves. */
const WRITTEN_BY_OPERATOR =
  /^(?:repo-(?:type|host|s3-bucket|s3-endpoint|s3-region|gcs-bucket|azure-container)|pg-|spool-path|log-path|tls-)/;

/** The scope as the workspace has it: the marked one knows no other file. */
function originalScope(
  workspace: Workspace,
  marked: PostgresClusterResource,
  scope: PgbackrestScope,
  part: Part,
): { cluster: PostgresClusterResource; scope: PgbackrestScope } | undefined {
  for (const unit of workspace.units(part.uri)) {
    if (unit.part !== part) continue;
    for (const it of unit.resources) {
      if (!(it instanceof PostgresClusterResource) || it.name !== marked.name) continue;
      const same = it.scopes.find((other) => other.path === scope.path);
      if (same) return { cluster: it, scope: same };
    }
  }
  return undefined;
}

/** Fields and values by our schemas. */
function fields(spot: Spot, word: Word): Completion[] {
  const kind = spot.resource.manifestKind;
  if (!hasSchema(kind)) return [];
  if (!spot.isKey) {
    const field = describe(kind, spot.path);
    return field ? fieldValues(field, word) : [];
  }
  const present = new Set(spot.parent.entries().map((it) => it.key?.text));
  return propertiesAt(kind, spot.path.slice(0, -1))
    .filter((it) => !present.has(it.name))
    .map((field, i) =>
      item(field.name, 'field', word, {
        detail: [field.isRequired ? 'needed' : '', field.type ?? ''].filter(Boolean).join(' '),
        documentation: fieldText(field.name, field),
        newText: fieldEntry(field, spot.parent, word),
        rank: (field.isRequired ? 1 : 2) + i / 1_000,
      }),
    );
}

function fieldEntry(field: FieldDescription & { name: string }, parent: YamlNode, word: Word): string {
  const { name, type } = field;
  if (colonAfter(word) === '') return name;
  if (parent.isFlow) return `${name}: `;
  const indent = ' '.repeat(columnOf(word) + 2);
  if (type === 'object') return `${name}:\n${indent}`;
  if (type === 'array') return `${name}:\n${indent}- `;
  return `${name}: `;
}

function fieldValues(field: FieldDescription, word: Word): Completion[] {
  const values = field.enum ?? (field.type === 'boolean' ? ['true', 'false'] : []);
  const fallback = field.default === undefined ? undefined : String(field.default);
  const texts = values.length > 0 || fallback === undefined || typeof field.default === 'object' ? values : [fallback];
  return texts.map((value, i) =>
    item(value, 'value', word, {
      detail: value === fallback ? 'default' : undefined,
      documentation: field.values?.[value],
      newText: field.type === 'string' && !word.isQuoted ? plainOrQuoted(value) : value,
      rank: i,
    }),
  );
}

function snippetsAt(spot: Spot, word: Word): Completion[] {
  if (!spot.isKey || spot.parent.isFlow || word.isQuoted) return [];
  const path = spot.path.slice(0, -1).join('.');
  const has = (name: string) => spot.parent.get(name) !== undefined;
  if (spot.resource.manifestKind === 'SGObjectStorage' && path === 'spec' && !has('encryption')) {
    return storageEncryption.flatMap((it) => manifestSnippet(it, word, 0));
  }
  if (!(spot.resource instanceof PostgresClusterResource)) return [];
  const free = freeRepository(spot.resource);
  if (/^spec\.backups\.pgbackrest$/.test(path) && !has('global') && !has('configuration')) {
    const first = spot.resource.own?.repos[0]?.name || 'repo1';
    return clusterEncryption(first).flatMap((it) => manifestSnippet(it, word, 0));
  }
  if (/^spec\.backups\.pgbackrest\.repos\.\d+$/.test(path) && !has('name') && free) {
    return clusterRepositories(free).flatMap((it) => manifestSnippet(it, word, 0));
  }
  return [];
}

function manifestSnippet({ label, detail, lines }: ManifestSnippet, word: Word, rank: number): Completion[] {
  const indent = ' '.repeat(columnOf(word));
  const shown = lines.map((it) => it.replace(/\$\{\d+:([^}]*)\}/g, '$1'));
  return [
    item(label, 'snippet', word, {
      detail,
      documentation: ['```yaml', ...shown, '```'].join('\n'),
      newText: lines.join(`\n${indent}`),
      isSnippet: true,
      rank,
    }),
  ];
}

/** A document in which nothing stands yet but the word at the cursor. */
function isBlank(part: Part, word: Word): boolean {
  const rest = part.text.slice(0, word.start) + part.text.slice(word.end);
  return columnOf(word) === 0 && rest.split('\n').every((it) => /^\s*(?:#.*|---.*)?$/.test(it));
}
