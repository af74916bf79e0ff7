/**
 * The text that a new key belongs into, with a mark where the key goes: the key itself is made by somebody else and never
 * comes here. The product at hand decides about the shape, the files around it about the names.
 */

import type { Query } from '../index.ts';
import { repositoriesOf } from '../pgbackrest/repository.ts';
import type { Resource } from '../resource.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { SecretResource } from '../resources/secret.ts';
import { ObjectStorageResource } from '../resources/stackgres.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import type { Workspace } from '../workspace.ts';
import { type ClusterConfiguration, clusterConfiguration } from './clusterConfiguration.ts';
import { repositoryState } from './repositoryState.ts';
import { transformOf } from './sodiumKey.ts';

/** What stands in for the key: as in the protocol. */
export const KEY_MARK = '«key»';
/** Stands between double quotes. */
export const PASSPHRASE_MARK = '«passphrase»';

export interface KeyTemplateQuestion {
  key: 'pgbackrest' | 'sodium' | 'openpgp';
  /** The document that the question comes from. */
  uri?: string | undefined;
  /** With an offset, the text is for that place; without one it is a whole manifest. */
  offset?: number | undefined;
  name?: string | undefined;
  namespace?: string | undefined;
  /** The Secret's entry; what is usual, or named already, when absent. */
  entry?: string | undefined;
  /** pgbackrest only: N of repoN; the repository that waits for a pass when absent. */
  repo?: number | undefined;
  /** sodium only; what the storage at hand reads when absent. */
  encoding?: 'hex' | 'base64' | undefined;
  /** openpgp only: with an entry for the passphrase, which StackGres 1.16 to 1.18 wants even for a key without one. */
  hasPassphraseEntry?: boolean | undefined;
}

export interface KeyTemplate {
  text: string;
  /** For a new manifest. */
  fileName: string;
  /** In front of every line of a key of several lines but the first. */
  indent: string;
  /** sodium only: what the storage at hand reads. */
  encoding?: 'hex' | 'base64';
}

export function keyTemplate(workspace: Workspace, question: KeyTemplateQuestion): KeyTemplate | { problem: string } {
  if (question.uri !== undefined && question.offset !== undefined) return atPlace(workspace, question, question.offset);
  switch (question.key) {
    case 'pgbackrest':
      return passManifest(workspace, question);
    case 'sodium':
      return sodiumManifest(workspace, question);
    case 'openpgp':
      return openpgpManifest(workspace, question);
  }
}

function passManifest(workspace: Workspace, question: KeyTemplateQuestion): KeyTemplate {
  const query = workspace.query();
  const cluster = atHand(workspace, question, PostgresClusterResource);
  const scope = cluster?.own;
  const configuration = cluster && scope ? clusterConfiguration(cluster, scope, query) : undefined;
  const waiting = configuration ? repositoryWithoutPass(configuration) : 'repo1';
  const repo = question.repo === undefined ? waiting : `repo${question.repo}`;
  const namespace = question.namespace ?? cluster?.namespace;
  const missing = scope?.configuration.find(
    (it) => it.kind === 'secret' && it.reference && !query.resolve(it.reference),
  );
  const proposed = missing?.name || `${cluster?.name || 'cluster'}-pgbackrest`;
  const name = question.name ?? freeName(query, proposed, namespace, missing?.name);
  const isMounted = scope?.configuration.some((it) => it.name === name) ?? false;
  const hasType = configuration?.settings.some((it) => it.resolved.canonical === `${repo}-cipher-type`) ?? false;
  const needs = [
    ...(hasType ? [] : [`${repo}-cipher-type: aes-256-cbc under backups.pgbackrest.global`]),
    ...(isMounted ? [] : [`- secret: {name: ${name}} under backups.pgbackrest.configuration`]),
  ];
  const comment =
    needs.length > 0
      ? [
          `# ${cluster ? `${cluster.title} needs` : 'The cluster needs'}:`,
          ...needs.map((it) => `#   ${it}`),
          '# Without the type pgBackRest ignores the pass, silently.',
        ]
      : [];
  const entry = question.entry ?? entryName(configuration, repo);
  const lines = [`${plainOrQuoted(entry)}: |`, '  [global]', `  ${repo}-cipher-pass=${KEY_MARK}`];
  return { text: manifest(comment, name, namespace, lines), fileName: `${name}.yaml`, indent: '    ' };
}

/** A name that no mounted file has yet: of two with one name, only the later is read. */
function entryName(configuration: ClusterConfiguration | undefined, repo: string): string {
  const node = configuration?.scope.repos.find((it) => it.name === repo)?.node;
  const store = (['gcs', 'azure', 's3'] as const).find((it) => node?.get(it)?.isMap) ?? 's3';
  const usual = `${store}.conf`;
  const isTaken = configuration?.confs.some((it) => it.fileName === usual);
  return isTaken || (configuration?.unseen.length ?? 0) > 0 ? `${repo}-cipher.conf` : usual;
}

/** The one whose type waits for a pass, else the first that has none. */
function repositoryWithoutPass(configuration: ClusterConfiguration): string {
  const declared = configuration.scope.repos.map((it) => it.name).filter((it) => /^repo[0-9]+$/.test(it));
  const names = [...new Set([...declared, ...configuration.repositories().map((it) => it.name)])];
  const states = names.map((it) => repositoryState(configuration, it)).filter((it) => it !== undefined);
  const without = states.filter((it) => !it.pass);
  const waiting = without.find((it) => it.type && it.type.value !== 'none');
  return (waiting ?? without[0] ?? states[0])?.name ?? 'repo1';
}

function sodiumManifest(workspace: Workspace, question: KeyTemplateQuestion): KeyTemplate {
  const storage = atHand(workspace, question, ObjectStorageResource);
  const transform = transformOf(storage?.encryption?.get('sodium.keyTransform'));
  const encoding = question.encoding ?? (transform === 'base64' ? 'base64' : 'hex');
  const { name, entry, namespace, isNamed } = selected(workspace, question, storage, 'encryption.sodium.key', 'key');
  const comment =
    isNamed && transform === encoding
      ? []
      : [
          `# For ${storage?.title ?? 'an SGObjectStorage'}, under spec.encryption:`,
          '#   method: sodium',
          `#   sodium: {keyTransform: ${encoding}, key: {name: ${name}, key: ${entry}}}`,
        ];
  const lines = [`${plainOrQuoted(entry)}: "${KEY_MARK}"`];
  return { text: manifest(comment, name, namespace, lines), fileName: `${name}.yaml`, indent: '', encoding };
}

function openpgpManifest(workspace: Workspace, question: KeyTemplateQuestion): KeyTemplate {
  const storage = atHand(workspace, question, ObjectStorageResource);
  const { name, entry, namespace, isNamed } = selected(
    workspace,
    question,
    storage,
    'encryption.openpgp.key',
    'private-key.asc',
  );
  const comment = isNamed
    ? []
    : [
        `# For ${storage?.title ?? 'an SGObjectStorage'}, under spec.encryption:`,
        '#   method: openpgp',
        ...(question.hasPassphraseEntry
          ? [
              '#   openpgp:',
              `#     key: {name: ${name}, key: ${entry}}`,
              `#     keyPassphrase: {name: ${name}, key: passphrase}`,
            ]
          : [
              `#   openpgp: {key: {name: ${name}, key: ${entry}}}`,
              '# With a passphrase: a second entry here, and keyPassphrase: {name, key} there.',
            ]),
      ];
  const lines = [
    `${plainOrQuoted(entry)}: |`,
    `  ${KEY_MARK}`,
    ...(question.hasPassphraseEntry ? [`passphrase: "${PASSPHRASE_MARK}"`] : []),
  ];
  return { text: manifest(comment, name, namespace, lines), fileName: `${name}.yaml`, indent: '    ' };
}

/** The Secret and entry that the storage already names, when they are missing; else free ones. */
function selected(
  workspace: Workspace,
  question: KeyTemplateQuestion,
  storage: ObjectStorageResource | undefined,
  path: string,
  usualEntry: string,
): { name: string; entry: string; namespace: string | undefined; isNamed: boolean } {
  const query = workspace.query();
  const selector = storage?.selector(path);
  const named = selector?.secret?.symbol.name ?? '';
  const isMissing = named !== '' && selector?.secret !== undefined && !query.resolve(selector.secret);
  const namespace = question.namespace ?? storage?.namespace;
  const proposed = isMissing ? named : `${storage?.name || 'backup'}-encryption`;
  const name = question.name ?? freeName(query, proposed, namespace, isMissing ? named : undefined);
  const entry = question.entry ?? ((isMissing && selector?.entry?.symbol.name) || usualEntry);
  return { name, entry, namespace, isNamed: name === named };
}

function manifest(comment: string[], name: string, namespace: string | undefined, entry: string[]): string {
  return [
    ...comment,
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: ${plainOrQuoted(name)}`,
    ...(namespace ? [`  namespace: ${plainOrQuoted(namespace)}`] : []),
    'type: Opaque',
    'stringData:',
    ...entry.map((it) => `  ${it}`),
    '',
  ].join('\n');
}

function freeName(query: Query, proposed: string, namespace: string | undefined, meant: string | undefined): string {
  if (proposed === meant) return proposed;
  let name = proposed;
  for (let i = 2; query.definitionsOf({ kind: 'secret', name, namespace }).length > 0; i++) name = `${proposed}-${i}`;
  return name;
}

/** The resource of the document, or of the place in it; else the only one that there is. */
function atHand<T extends Resource>(
  workspace: Workspace,
  { uri, namespace }: KeyTemplateQuestion,
  type: abstract new (...args: never[]) => T,
): T | undefined {
  const isWanted = (it: Resource): it is T => it instanceof type && it.name !== '';
  const here = uri === undefined ? [] : workspace.units(uri).flatMap((it) => it.resources.filter(isWanted));
  if (here[0]) return here[0];
  const all = workspace.uris
    .flatMap((it) => workspace.units(it).flatMap((unit) => unit.resources.filter(isWanted)))
    .filter((it) => namespace === undefined || it.namespace === undefined || it.namespace === namespace);
  return all.length === 1 ? all[0] : undefined;
}

/** At the cursor: the key alone, or with what it needs around it. */
function atPlace(
  workspace: Workspace,
  question: KeyTemplateQuestion,
  offset: number,
): KeyTemplate | { problem: string } {
  const unit = workspace.unitAt(question.uri!, offset);
  if (!unit) return { problem: 'this file is not known' };
  const { text } = unit.part;
  const lineStart = text.lastIndexOf('\n', unit.offset - 1) + 1;
  const before = text.slice(lineStart, unit.offset);
  const plain: KeyTemplate = { text: KEY_MARK, fileName: '', indent: '', ...encodingOf(workspace, question) };
  const conf = unit.confs.find((it) => {
    const { start, end } = it.text.whole;
    return start <= unit.offset && unit.offset <= end;
  });
  if (conf || unit.part.language === 'conf') {
    if (conf?.entry && (conf.entry.container === 'data' || conf.entry.container === 'binaryData')) {
      return { problem: 'the value here is base64; decode the Secret first, or let a new Secret be made' };
    }
    if (question.key !== 'pgbackrest') return plain;
    if (before.trim() !== '') return plain;
    const settings = conf?.settings ?? [];
    const without = repositoriesOf(settings).find((it) => !it.option('cipher-pass'));
    return { ...plain, text: `${without?.name ?? 'repo1'}-cipher-pass=${KEY_MARK}` };
  }
  const entry = unit.resources
    .filter((it) => it instanceof SecretResource)
    .flatMap((it) => it.entries)
    .find(
      (it) => it.container === 'data' && it.node && isBehind(it.node.keyPlace.end, it.node.entryPlace.end, unit.offset),
    );
  if (entry) return { problem: 'the value here is base64; put the key into stringData, or let a new Secret be made' };
  const indent = /^[ -]*/.exec(before)![0].replace(/-/g, ' ');
  if (question.key === 'openpgp') {
    if (/:[ \t]*$/.test(before)) {
      const space = /:$/.test(before) ? ' ' : '';
      return { ...plain, text: `${space}|\n${indent}  ${KEY_MARK}`, indent: `${indent}  ` };
    }
    if (before.trim() === '' && unit.resources.length > 0) {
      return { ...plain, text: `private-key.asc: |\n${indent}  ${KEY_MARK}`, indent: `${indent}  ` };
    }
    return { ...plain, indent };
  }
  if (/:[ \t]*$/.test(before)) return { ...plain, text: `${/:$/.test(before) ? ' ' : ''}"${KEY_MARK}"` };
  return plain;
}

function encodingOf(workspace: Workspace, question: KeyTemplateQuestion): { encoding?: 'hex' | 'base64' } {
  if (question.key !== 'sodium') return {};
  const storage = atHand(workspace, question, ObjectStorageResource);
  const transform = transformOf(storage?.encryption?.get('sodium.keyTransform'));
  return transform === 'hex' || transform === 'base64' ? { encoding: transform } : {};
}

function isBehind(start: number, end: number, offset: number): boolean {
  return start < offset && offset <= end;
}
