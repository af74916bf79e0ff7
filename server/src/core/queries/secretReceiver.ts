/**
 * Where the secret options of a cluster's repository belong: into a conf of a Secret that the cluster mounts, into a new
 * entry of such a Secret, or into a new Secret, which the cluster is then told to mount.
 */

import type { Query } from '../index.ts';
import type { Edit, Part } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { type Change, endOfSection, lineBehind, lineBreakOf } from '../pgbackrest/confChange.ts';
import type { ConfigurationSource, PgbackrestScope } from '../resources/postgresCluster.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { SecretResource } from '../resources/secret.ts';
import { encodeBase64 } from '../text/base64.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, addItem, addLines, addLinesBefore } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';
import type { ClusterConfiguration, MountedConf } from './clusterConfiguration.ts';
import { appendDocument, freeName, headOf, isWrittenInLines } from './newManifest.ts';

export interface SecretReceiver {
  /** `Secret db/prod-pgbackrest`, `a new Secret prod-pgbackrest`. */
  title: string;
  /** The conf that takes the lines; undefined where a new entry does. */
  conf: MountedConf | undefined;
  /** Lines of a section, put where they belong; with the other changes of the receiving conf, which come as one. */
  edits(lines: readonly string[], others?: readonly Change[]): Edit[] | undefined;
  /** The same as a new file beside the cluster's, and what then changes here; undefined where no Secret is new. */
  asFile?(lines: readonly string[]): { edits: Edit[]; newFile: { uri: string; text: string } } | undefined;
}

/**
 * undefined where no Secret can be written without touching what is not known here: a cluster that is put together of several
 * files, or written as JSON.
 *
 * @param repo `repo1`, for the names of new entries
 * @param section `global`, or a stanza's
 */
export function secretReceiver(
  configuration: ClusterConfiguration,
  repo: string,
  query: Query,
  section = 'global',
): SecretReceiver | undefined {
  const sources = configuration.scope.configuration.flatMap((source) => {
    const secret = writableSecret(source, configuration, query);
    return secret ? [{ source, secret }] : [];
  });
  for (const { source, secret } of sources) {
    const mounted = configuration.confs.filter((it) => it.source === source && it.conf.entry?.secret === secret);
    const conf = mounted.find((it) => holdsRepository(it, repo) && canTake(it)) ?? mounted.find(canTake);
    if (conf) return { title: secret.title, conf, edits: (lines, others) => intoConf(conf, section, lines, others) };
  }
  const entry = newEntryName(configuration, repo);
  for (const { source, secret } of sources) {
    // With `items`, a new entry would not become a file.
    if (source.items || secret.entry(entry)) continue;
    if (!newEntry(secret, entry, [])) continue;
    return {
      title: secret.title,
      conf: undefined,
      edits: (lines) => newEntry(secret, entry, [`[${section}]`, ...lines]),
    };
  }
  return newSecret(configuration, entry, section, query);
}

/** A plain Secret of this workspace that this cluster alone mounts: what another one reads is not changed behind its back. */
function writableSecret(
  { kind, reference }: ConfigurationSource,
  { cluster }: ClusterConfiguration,
  query: Query,
): SecretResource | undefined {
  if (kind !== 'secret' || !reference) return undefined;
  const secret = query.resolve(reference)?.resource;
  if (!(secret instanceof SecretResource) || secret.manifestKind !== 'Secret' || secret.isManagedElsewhere)
    return undefined;
  // Kustomize's generators are resources inside of its file.
  if (secret.apiVersion !== 'v1' || secret.node.textAt('immutable') === 'true') return undefined;
  const users = query.referencesTo({ kind: 'secret', name: secret.name, namespace: secret.namespace });
  const isShared = users.some(
    ({ resource }) =>
      resource instanceof PostgresClusterResource &&
      (resource.name !== cluster.name || resource.namespace !== cluster.namespace),
  );
  return isShared ? undefined : secret;
}

function canTake({ conf }: MountedConf): boolean {
  const { entry, text, tree } = conf;
  return entry !== undefined && !entry.isOpaque && text.isExact && tree.sections.length > 0 && !isWrapped(conf);
}

/** A value goes on in the line below. */
export function isWrapped({ tree }: Conf): boolean {
  return tree.problems.some((it) => it.code === 'wrapped-value');
}

function holdsRepository({ conf }: MountedConf, repo: string): boolean {
  return conf.settings.some((it) => it.group === repo);
}

function intoConf(
  { conf }: MountedConf,
  name: string,
  lines: readonly string[],
  others: readonly Change[] = [],
): Edit[] | undefined {
  const text = conf.text.text;
  const lineBreak = lineBreakOf(text);
  const section = conf.tree.sections.findLast((it) => it.name === name);
  if (section) return conf.edits(...others, lineBehind(text, endOfSection(text, section), lines.join(lineBreak)));
  const added = [`[${name}]`, ...lines].join(lineBreak);
  const last = conf.tree.sections.at(-1)!;
  return conf.edits(...others, lineBehind(text, endOfSection(text, last), added));
}

/** A name that no file has: of two with one name, only the later is read. */
function newEntryName({ scope, confs, unseen }: ClusterConfiguration, repo: string): string {
  const isTaken = (name: string) =>
    confs.some((it) => it.fileName === name || it.conf.entry?.name === name) ||
    scope.configuration.some((source) => source.items?.some((it) => it.path === name));
  if (unseen.length === 0 && !isTaken('cipher.conf')) return 'cipher.conf';
  const usual = `${repo}-cipher`;
  return `${freeName(usual, (it) => isTaken(`${it}.conf`))}.conf`;
}

/** A conf as a new entry, in the form that the Secret's other entries have. */
function newEntry(secret: SecretResource, name: string, conf: readonly string[]): Edit[] | undefined {
  const root = secret.node;
  const key = plainOrQuoted(name);
  const text = `${conf.join('\n')}\n`;
  const stringData = ownMap(root, 'stringData');
  const data = ownMap(root, 'data');
  if (stringData) {
    return stringData.isFlow
      ? addEntry(stringData, key, JSON.stringify(text))
      : addLines(stringData, [`${key}: |`, ...conf.map((it) => `  ${it}`)]);
  }
  if (root.get('stringData')) return undefined;
  if (data) return addEntry(data, key, encodeBase64(new TextEncoder().encode(text)));
  if (root.get('data') || !isWrittenInLines(root)) return undefined;
  return addLines(root, ['stringData:', `  ${key}: |`, ...conf.map((it) => `    ${it}`)]);
}

/** A map with entries that is written where it stands. */
function ownMap(root: YamlNode, name: string): YamlNode | undefined {
  const node = root.get(name);
  if (!node?.isMap || node.usePlace.start !== node.place.start || node.entries().length === 0) return undefined;
  return node;
}

function newSecret(
  { cluster, scope }: ClusterConfiguration,
  entry: string,
  section: string,
  query: Query,
): SecretReceiver | undefined {
  const { part, namespace } = cluster;
  if (!isWrittenInLines(cluster.node) || cluster.name === '') return undefined;
  const name = freeName(
    `${cluster.name}-pgbackrest`,
    (it) =>
      scope.configuration.some((source) => source.name === it) ||
      query.definitionsOf({ kind: 'secret', name: it, namespace }).length > 0,
  );
  const mount = mountSecret(scope, name);
  if (!mount) return undefined;
  const manifest = (lines: readonly string[]) => [
    ...headOf('v1', 'Secret', name, namespace),
    'type: Opaque',
    'stringData:',
    `  ${plainOrQuoted(entry)}: |`,
    ...[`[${section}]`, ...lines].map((it) => `    ${it}`),
  ];
  return {
    title: `a new Secret ${name}`,
    conf: undefined,
    edits: (lines) => [...mount, appendDocument(part, manifest(lines))],
    asFile: (lines) => ({
      edits: mount,
      newFile: { uri: fileBeside(part, `${name}.yaml`), text: `${manifest(lines).join('\n')}\n` },
    }),
  };
}

function fileBeside({ uri }: Part, name: string): string {
  return `${uri.slice(0, uri.lastIndexOf('/') + 1)}${encodeURIComponent(name)}`;
}

/** The Secret as a further source of the cluster's `configuration`. */
function mountSecret(scope: PgbackrestScope, name: string): Edit[] | undefined {
  const list = scope.node.get('configuration');
  const written = plainOrQuoted(name);
  const flow = `{secret: {name: ${written}}}`;
  if (list && !list.isNull) return addItem(list, [`secret:`, `    name: ${written}`], flow);
  if (list) return undefined;
  if (scope.node.isFlow) return addEntry(scope.node, 'configuration', `[${flow}]`);
  return addLinesBefore(scope.node, ['configuration:', '  - secret:', `      name: ${written}`]);
}
