/**
 * The effective configuration, line by line: what counts, from which place it comes, what beats it, and what is dropped and
 * why. Values of secrets never appear.
 */

import type { Place } from '../part.ts';
import {
  type CommandOptions,
  commandOptions,
  type DroppedLine,
  type Line,
  type Refusal,
} from '../pgbackrest/commandOptions.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import { allCommands, holdsSecret, isKnownCommand, type Release, resolveOption } from '../pgbackrest/options.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { Resource } from '../resource.ts';
import { CnpgClusterResource, CnpgObjectStoreResource } from '../resources/cnpg.ts';
import { type PgbackrestScope, PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ObjectStorageResource, StackGresClusterResource } from '../resources/stackgres.ts';
import { BackupLocationResource } from '../resources/stork.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import type { Workspace } from '../workspace.ts';
import { type ClusterConfiguration, clusterConfiguration, operatorStanza } from './clusterConfiguration.ts';
import { type ConfReading, readingsOf } from './confReading.ts';
import { explainManifest } from './manifestExplanation.ts';
import { operatorOptions } from './operatorOptions.ts';
import { type RepositorySummary, summariesIn, summariesOf } from './repositorySummary.ts';

export interface ExplainedOption {
  name: string;
  /** `«secret»` for a secret; undefined where somebody else fills it. */
  value: string | undefined;
  /** `open`: what is not here decides. */
  state: 'in-force' | 'overridden' | 'dropped' | 'open';
  /** The commands for which it is so, where that are not all that read it. */
  commands: string[] | undefined;
  /** In words: `[global] of pgbackrest.conf`, `the operator`. */
  origin: string;
  /** undefined for what no file here says. */
  at: Place | undefined;
  /** Why it does not count, without a final dot. */
  reason: string | undefined;
  /** Where that stands which beats it. */
  by: Place | undefined;
}

/** What stops a command. */
export interface ExplainedRefusal {
  commands: string[];
  /** pgBackRest's error number. */
  code: number;
  message: string;
  at: Place | undefined;
}

/** One who reads a configuration: a stanza, or the whole object. */
export interface ExplainedReader {
  stanza: string | undefined;
  /** One line each: a repository, or a storage. */
  summaries: string[];
  refusals: ExplainedRefusal[];
  options: ExplainedOption[];
}

export interface Explanation {
  /** `PerconaPGCluster db/prod`, `pgbackrest.conf`. */
  title: string;
  /** The file it is about. */
  uri: string;
  readers: ExplainedReader[];
  /** What may change the picture, and is not here. */
  notes: string[];
}

/** Every configuration of the workspace: of hosts, of clusters, of storages. In the order of the files. */
export function explain(workspace: Workspace): Explanation[] {
  const query = workspace.query();
  const target = workspace.targets.pgbackrest;
  const found: Explanation[] = [];
  const seen = new Set<Conf>();
  for (const uri of workspace.uris) {
    for (const unit of workspace.units(uri)) {
      for (const resource of unit.resources) {
        if (resource instanceof PostgresClusterResource) {
          for (const scope of resource.scopes) found.push(explainCluster(resource, scope, workspace));
        } else if (isExplained(resource)) {
          const explanation = explainManifest(resource, query);
          if (explanation) found.push(explanation);
        }
      }
      for (const conf of unit.confs) {
        if (seen.has(conf)) continue;
        const reading = readingsOf(conf, query)[0];
        // What a cluster mounts is explained with the cluster.
        if (!reading || reading.cluster) continue;
        for (const it of reading.confs) seen.add(it);
        found.push(explainReading(reading, target));
      }
    }
  }
  return found;
}

function isExplained(resource: Resource): boolean {
  return (
    resource instanceof ObjectStorageResource ||
    resource instanceof StackGresClusterResource ||
    resource instanceof BackupLocationResource ||
    resource instanceof CnpgClusterResource ||
    resource instanceof CnpgObjectStoreResource ||
    resource instanceof ZalandoClusterResource
  );
}

/** A line of any origin, with the words for it. */
interface ExplainedLine extends Line {
  origin: string;
  at: Place | undefined;
}

/** A name that no section can have: what [global] alone means for any stanza. */
const anyStanza = '';

function explainReading(reading: ConfReading, target: Release | undefined): Explanation {
  const lines = reading.settings.map((it) => lineOf(it, reading.confs));
  const [first] = reading.confs;
  const readers = reading.stanzas.map((stanza) => ({
    stanza,
    summaries: summariesIn(reading, stanza, target).map((it) => it.text),
    ...explainLines(lines, [], {
      stanza: stanza ?? anyStanza,
      target,
      isWhole: reading.isWhole && stanza !== undefined,
    }),
  }));
  const unread = reading.settings.filter((it) => isUnread(it, reading.stanzas));
  if (unread.length > 0 && readers[0]) readers[0].options.push(...unread.map((it) => explainUnread(it, reading.confs)));
  const notes = [
    ...(reading.hasOpaqueLines ? ['A renderer fills whole lines of it.'] : []),
    ...(reading.mayHoldMore && !reading.hasOpaqueLines ? ['A comment says that options come from elsewhere.'] : []),
    ...(reading.isWhole ? [] : ['It is a part of a configuration; the rest is not here.']),
  ];
  return { title: first!.title, uri: first!.part.uri, readers, notes };
}

function explainCluster(cluster: PostgresClusterResource, scope: PgbackrestScope, workspace: Workspace): Explanation {
  const target = workspace.targets.pgbackrest;
  const configuration = clusterConfiguration(cluster, scope, workspace.query());
  const confs = configuration.confs.map((it) => it.conf);
  const lines = [...operatorLines(configuration), ...configuration.settings.map((it) => lineOf(it, confs, cluster))];
  const environment = environmentLines(scope, cluster);
  const reader = explainLines(lines, environment, {
    stanza: operatorStanza,
    target,
    // For a data source, the operator gives the rest on the command line.
    isWhole: configuration.unseen.length === 0 && scope.role === 'own',
  });
  const unread = configuration.settings.filter((it) => isUnread(it, [operatorStanza]));
  reader.options.push(...unread.map((it) => explainUnread(it, confs)));
  const summaries = summariesOf(configuration, target).map((it) => withEnvironment(it, environment));
  const notes = configuration.unseen.map(
    (it) =>
      `What ${it.kind === 'other' ? 'a projected source' : `${it.kind === 'secret' ? 'Secret' : 'ConfigMap'} ${it.name}`} holds is not here.`,
  );
  if (scope.node.get('envFrom')) notes.push('Variables of envFrom may beat all of it.');
  const where = scope.role === 'own' ? '' : ', data source';
  return {
    title: `${cluster.title}${where}`,
    uri: cluster.part.uri,
    readers: [{ stanza: operatorStanza, summaries, ...reader }],
    notes: [...new Set(notes)],
  };
}

/** A pass that comes as a variable is as good as one in a file. */
function withEnvironment({ name, text, state }: RepositorySummary, environment: readonly ExplainedLine[]): string {
  const pass = environment.find((it) => it.resolved.canonical === `${name}-cipher-pass`);
  const type = environment.find((it) => it.resolved.canonical === `${name}-cipher-type`)?.value ?? state.type?.value;
  if (!pass || state.pass || !type || type === 'none') return text;
  return text.replace(state.text, `encrypted (${type}, pass from ${pass.origin})`);
}

function lineOf(setting: Setting, confs: readonly Conf[], cluster?: PostgresClusterResource): ExplainedLine {
  const { key, resolved, value, isOpaque, scope } = setting;
  return { key, resolved, value, isOpaque, scope, origin: originOf(setting, confs, cluster), at: setting.keyPlace };
}

function originOf(setting: Setting, confs: readonly Conf[], cluster?: PostgresClusterResource): string {
  if (setting.origin.kind === 'global') return cluster ? `global of ${cluster.title}` : 'global';
  const conf = confs.find((it) => it.holds(setting));
  return `[${setting.origin.option.section.name}] of ${conf?.title ?? 'a file'}`;
}

/** What the operator writes, as far as `global` does not replace it. */
function operatorLines({ scope, cluster }: ClusterConfiguration): ExplainedLine[] {
  return operatorOptions(scope).flatMap(({ key, value, section, node }) => {
    const resolved = resolveOption(key);
    if (section === 'global' && scope.global.some((it) => it.resolved.canonical === resolved.canonical)) return [];
    const origin = node ? `the operator, from repos of ${cluster.title}` : 'the operator';
    return [
      {
        key,
        resolved,
        value: value ?? '(depends on the Pod)',
        isOpaque: value === undefined,
        scope: section === 'stanza' ? { stanza: operatorStanza } : {},
        origin,
        at: node?.place,
      },
    ];
  });
}

function environmentLines(scope: PgbackrestScope, cluster: PostgresClusterResource): ExplainedLine[] {
  return (scope.node.get('env')?.items() ?? []).flatMap((item) => {
    const name = item.textAt('name') ?? '';
    if (!name.startsWith('PGBACKREST_')) return [];
    const key = name.slice('PGBACKREST_'.length).toLowerCase().replaceAll('_', '-');
    const reference = item.get('valueFrom.secretKeyRef');
    const from = reference ? `, from Secret ${reference.textAt('name') ?? ''}` : '';
    const value = item.textAt('value');
    return [
      {
        key,
        resolved: resolveOption(key),
        value: value ?? '',
        isOpaque: value === undefined,
        scope: {},
        origin: `env of ${cluster.title}${from}`,
        at: item.get('name')?.place,
      },
    ];
  });
}

/** Commands that people run or schedule; the others read the same options. */
const EVERYDAY = [
  'backup',
  'archive-push',
  'archive-get',
  'restore',
  'expire',
  'check',
  'info',
  'stanza-create',
  'verify',
];
/** They read hardly anything of a configuration, or need arguments. */
const APART = new Set(['help', 'version', 'annotate', 'repo-get', 'repo-put', 'repo-ls', 'repo-rm', 'manifest']);

interface Outcome {
  state: ExplainedOption['state'];
  reason: string | undefined;
  by: ExplainedLine | undefined;
  commands: string[];
}

function explainLines(
  lines: readonly ExplainedLine[],
  environment: readonly ExplainedLine[],
  { stanza, target, isWhole }: { stanza: string; target: Release | undefined; isWhole: boolean },
): { refusals: ExplainedRefusal[]; options: ExplainedOption[] } {
  const outcomes = new Map<ExplainedLine, Outcome[]>();
  const refusals: ExplainedRefusal[] = [];
  const others = new Map<ExplainedLine, DroppedLine<ExplainedLine>>();
  for (const command of allCommands()) {
    if (APART.has(command)) continue;
    const made = commandOptions({ command, stanza, lines, environment, target });
    for (const { line, state, reason, by } of outcomesOf(made, others, isWhole)) {
      const known = outcomes.get(line) ?? [];
      outcomes.set(line, known);
      const same = known.find((it) => it.state === state && it.reason === reason && it.by === by);
      if (same) same.commands.push(command);
      else known.push({ state, reason, by, commands: [command] });
    }
    if (EVERYDAY.includes(command)) for (const it of made.refusals) addRefusal(refusals, command, it, isWhole);
  }
  // What no command reads but to say that it does not.
  for (const [line, dropped] of others) {
    if (!outcomes.has(line)) outcomes.set(line, [{ ...reasonOf(dropped), state: 'dropped', commands: [] }]);
  }
  const options: ExplainedOption[] = [];
  for (const line of [...environment, ...lines]) {
    for (const it of outcomes.get(line) ?? []) {
      const isForAll = outcomes.get(line)!.length === 1;
      options.push({
        ...described(line),
        state: it.state,
        commands: isForAll ? undefined : it.commands,
        reason: it.reason,
        by: it.by?.at,
      });
    }
  }
  return { refusals, options: options.sort(byName) };
}

function described(line: ExplainedLine): Pick<ExplainedOption, 'name' | 'value' | 'origin' | 'at'> {
  return { name: line.key, value: shown(line), origin: line.origin, at: line.at };
}

/** What one command made of each line that it has to do with; what belongs to other commands goes to `others`. */
function outcomesOf(
  made: CommandOptions<ExplainedLine>,
  others: Map<ExplainedLine, DroppedLine<ExplainedLine>>,
  isWhole: boolean,
): (Omit<Outcome, 'commands'> & { line: ExplainedLine })[] {
  const found: (Omit<Outcome, 'commands'> & { line: ExplainedLine })[] = [];
  for (const { lines } of made.inForce) {
    for (const line of lines) found.push({ line, state: 'in-force', reason: undefined, by: undefined });
  }
  for (const it of made.dropped) {
    if (it.reason.kind === 'other-command') others.set(it.line, it);
    else found.push({ line: it.line, state: stateOf(it, isWhole), ...reasonOf(it) });
  }
  // A line that stops the command is neither.
  const told = new Set(found.map((it) => it.line));
  for (const { line, message } of made.refusals) {
    if (line && !told.has(line)) found.push({ line, state: 'dropped', reason: message, by: undefined });
  }
  return found;
}

function stateOf({ reason }: DroppedLine<ExplainedLine>, isWhole: boolean): ExplainedOption['state'] {
  if (reason.kind === 'overridden') return 'overridden';
  return reason.kind === 'unmet' && !reason.isSet && !isWhole ? 'open' : 'dropped';
}

function reasonOf({ line, reason, isWarned }: DroppedLine<ExplainedLine>): {
  reason: string;
  by: ExplainedLine | undefined;
} {
  const words = () => {
    switch (reason.kind) {
      case 'unknown': {
        const [meant] = line.resolved.nearest;
        return `pgBackRest has no such option${meant ? `; ${meant} was probably meant` : ''}`;
      }
      case 'negated':
        return 'no-… and reset-… work on the command line only';
      case 'command-line-only':
        return 'it works on the command line only';
      case 'other-command':
        return line.scope.command === undefined
          ? 'no command of this kind reads it'
          : `${line.scope.command} does not read it`;
      case 'stanza-only':
        return 'it belongs into the section of a stanza';
      case 'given':
        return 'the command line has it';
      case 'overridden':
        return `${(reason.by as ExplainedLine).origin} has it too`;
      case 'unmet': {
        const needs = reason.list ? `${reason.decider}=${reason.list.join(' or ')}` : reason.decider;
        return reason.isSet ? `it needs ${needs}, not ${reason.current}` : `it needs ${needs}`;
      }
    }
  };
  const by = reason.kind === 'overridden' ? (reason.by as ExplainedLine) : undefined;
  return { reason: isWarned ? `${words()} (pgBackRest warns)` : words(), by };
}

function addRefusal(
  refusals: ExplainedRefusal[],
  command: string,
  refusal: Refusal<ExplainedLine>,
  isWhole: boolean,
): void {
  // What is missing here may stand where we do not look.
  if (refusal.code === 37 && !isWhole) return;
  const same = refusals.find((it) => it.message === refusal.message && it.at === refusal.line?.at);
  if (same) same.commands.push(command);
  else refusals.push({ commands: [command], code: refusal.code, message: refusal.message, at: refusal.line?.at });
}

/** Lines of sections that none of the stanzas and no command reads. */
function isUnread({ scope }: Setting, stanzas: readonly (string | undefined)[]): boolean {
  if (scope.command !== undefined && !isKnownCommand(scope.command)) return true;
  return scope.stanza !== undefined && !stanzas.includes(scope.stanza);
}

function explainUnread(setting: Setting, confs: readonly Conf[]): ExplainedOption {
  const line = lineOf(setting, confs);
  const section = setting.origin.kind === 'conf' ? setting.origin.option.section : undefined;
  const why = section && unreadSection(section)?.reason;
  const reason = `nobody reads [${section?.name ?? ''}]${why ? `: ${why}` : ''}`;
  return { ...described(line), state: 'dropped', commands: undefined, reason, by: undefined };
}

function shown({ resolved, value, isOpaque }: Line): string | undefined {
  if (holdsSecret(resolved)) return value === '' && !isOpaque ? '' : '«secret»';
  if (isOpaque) return undefined;
  return value;
}

/** Repositories by number, then everything else by name. */
function byName(a: ExplainedOption, b: ExplainedOption): number {
  const key = ({ name }: ExplainedOption) =>
    name.replace(/^(repo|pg)(\d+)/, (_all, group, index) => `${group}${index.padStart(3, '0')}`);
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}
