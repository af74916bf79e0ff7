/** What is worth knowing about the thing under the cursor. Markdown; secrets are counted, never shown. */

import { contains, type Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { ConfSection } from '../pgbackrest/confFile.ts';
import { EffectiveOptions, type Unmet } from '../pgbackrest/effective.ts';
import { allCommands, isKnownCommand } from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { Resource } from '../resource.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { ConfigMapResource, SecretResource } from '../resources/secret.ts';
import { describe, type FieldDescription } from '../schema.ts';
import type { Workspace } from '../workspace.ts';
import { type ClusterConfiguration, clusterConfiguration, operatorStanza } from './clusterConfiguration.ts';
import { type ConfReading, readingsOf } from './confReading.ts';
import { entryText } from './entryText.ts';
import { type Mentioned, mentionedAt } from './mentions.ts';
import { code, count, optionText, optionType, shownValue } from './optionText.ts';
import { summariesIn, summariesOf } from './repositorySummary.ts';
import { hoverSettings } from './settingsHelp.ts';

export interface Hover {
  at: Place;
  /** Markdown. */
  text: string;
}

export function hover(workspace: Workspace, uri: string, offset: number): Hover | undefined {
  const unit = workspace.unitAt(uri, offset);
  if (!unit) return undefined;
  if (unit.settings) return hoverSettings(workspace, unit.part, unit.offset);
  for (const conf of unit.confs) {
    const found = inConf(workspace, conf, unit.offset);
    if (found) return found;
  }
  const resource = smallestAround(unit.resources, unit.offset);
  if (!resource) return undefined;
  if (resource instanceof PostgresClusterResource) {
    const found = inGlobal(workspace, resource, unit.offset);
    if (found) return found;
  }
  const blocks: string[] = [];
  let at: Place | undefined;
  const mentioned = mentionedAt(workspace, uri, offset);
  const named = mentioned && aboutName(workspace, mentioned);
  if (named) {
    blocks.push(named);
    at = mentioned.here.at;
  }
  const entry = inEntry(workspace, resource, unit.offset);
  if (entry) {
    if (!named || !entry.isKey) blocks.push(entry.text);
    at ??= entry.at;
  }
  const field = aboutField(resource, unit.offset);
  if (field) {
    blocks.push(field.text);
    at ??= field.at;
  }
  return at && blocks.length > 0 ? { at, text: blocks.join('\n\n---\n\n') } : undefined;
}

function inConf(workspace: Workspace, conf: Conf, offset: number): Hover | undefined {
  for (const section of conf.tree.sections) {
    const header = conf.place(section.start, section.headerEnd);
    if (section.headerEnd > section.start && contains(header, offset))
      return { at: header, text: sectionText(section) };
  }
  const found = settingAt(conf.settings, offset);
  if (!found) return undefined;
  const { setting, at } = found;
  const readings = readingsOf(conf, workspace.query());
  const inForce = readings.flatMap((it) => inForceText(workspace, setting, it));
  const summary = repositoryText(workspace, setting, readings);
  return { at, text: settingText(workspace, setting, [...new Set([...inForce, ...summary])]) };
}

function inGlobal(workspace: Workspace, cluster: PostgresClusterResource, offset: number): Hover | undefined {
  for (const scope of cluster.scopes) {
    const found = settingAt(scope.global, offset);
    if (!found) continue;
    const { setting, at } = found;
    const configuration = clusterConfiguration(cluster, scope, workspace.query());
    const reading = { settings: configuration.settings, stanzas: [operatorStanza], cluster: configuration };
    return { at, text: settingText(workspace, setting, inForceText(workspace, setting, reading)) };
  }
  return undefined;
}

function settingText(workspace: Workspace, setting: Setting, inForce: string[]): string {
  const { resolved } = setting;
  const { definition } = resolved;
  if (!definition) {
    const meant = resolved.nearest.map(code).join(' or ');
    const unknown = `**${setting.key}** is no option of pgBackRest${meant ? `; ${meant} was probably meant` : ''}.`;
    return unknown;
  }
  const name = resolved.canonical ?? setting.key;
  const head = `**${name}** · ${optionType(definition)}`;
  const spelt = name === setting.key ? [] : [`${code(setting.key)} is an old name of it.`];
  const body = optionText(definition, resolved.index, workspace.targets.pgbackrest);
  return [head, ...spelt, body, ...(inForce.length > 0 ? [inForce.join('\n\n')] : [])].join('\n\n');
}

/** The value that counts, and who says it. */
function inForceText(
  workspace: Workspace,
  setting: Setting,
  reading: Pick<ConfReading, 'settings' | 'stanzas' | 'cluster'>,
): string[] {
  const { definition, index, canonical } = setting.resolved;
  if (!definition || !canonical || definition.multi) return [];
  return reading.stanzas.flatMap((stanza) => {
    const effective = new EffectiveOptions(reading.settings, stanza, workspace.targets.pgbackrest);
    const where = reading.cluster
      ? ` in ${reading.cluster.cluster.title}`
      : stanza === undefined || reading.stanzas.length < 2
        ? ''
        : ` for stanza ${code(stanza)}`;
    const unmet = effective.unmet(definition, index);
    if (unmet && !mayBeMet(unmet, reading.cluster)) {
      const needed = unmet.list ? ` = ${unmet.list.map(code).join(' or ')}` : '';
      const current = unmet.current === undefined ? 'which is not set' : `which is ${code(unmet.current)}`;
      return [`**Not in force**${where}: it needs ${code(unmet.decider)}${needed}, ${current}.`];
    }
    const winner = effective.setting(canonical);
    if (!winner) return [];
    return [`**In force**${where}: ${shownValue(winner)}${winner === setting ? '' : `, from ${originText(winner)}`}.`];
  });
}

/** The repository that an option belongs to, in a line for each stanza or cluster that sees it otherwise. */
function repositoryText(workspace: Workspace, { group }: Setting, readings: readonly ConfReading[]): string[] {
  const target = workspace.targets.pgbackrest;
  return readings.flatMap((reading) => {
    const all = reading.cluster
      ? summariesOf(reading.cluster, target)
      : reading.stanzas.flatMap((it) => summariesIn(reading, it, target));
    return [...new Set(all.filter((it) => it.name === group).map((it) => it.text))];
  });
}

/** The operator writes type and place of a repository itself, and what is not here may hold the rest. */
function mayBeMet({ decider, setting }: Unmet, cluster: ClusterConfiguration | undefined): boolean {
  if (!cluster || setting) return false;
  return !/-cipher-type$/.test(decider) || cluster.unseen.length > 0 || cluster.hasEnvironment;
}

/** Inside base64 neighbours share a letter: it belongs to the one that begins there. */
function settingAt(settings: readonly Setting[], offset: number): { setting: Setting; at: Place } | undefined {
  let found: { setting: Setting; at: Place } | undefined;
  for (const setting of settings) {
    for (const at of [setting.keyPlace, setting.valuePlace]) {
      if (contains(at, offset) && (!found || at.start > found.at.start)) found = { setting, at };
    }
  }
  return found;
}

function originText(setting: Setting): string {
  if (setting.origin.kind === 'global') return `${code('global')} of the cluster`;
  const { option, text } = setting.origin;
  const file = decodeURIComponent(text.part.uri.split('/').at(-1) ?? '');
  return `${code(`[${option.section.name}]`)} in ${file}`;
}

function sectionText({ name, scope }: ConfSection): string {
  const who = scope.stanza === undefined ? 'every stanza' : `stanza ${code(scope.stanza)}`;
  if (scope.command === undefined) {
    const beats = scope.stanza === undefined ? '' : ' They beat those of `[global]`.';
    return `**[${name}]**: options for every command of ${who}.${beats}`;
  }
  if (!isKnownCommand(scope.command)) {
    return `**[${name}]**: nobody reads it; pgBackRest’s commands are ${allCommands().map(code).join(', ')}.`;
  }
  return `**[${name}]**: options for ${code(scope.command)} of ${who} alone; they beat those of sections without a command.`;
}

function aboutName(workspace: Workspace, mentioned: Mentioned): string | undefined {
  const query = workspace.query();
  const { kind, name, mentions, here } = mentioned;
  const definitions = mentions.filter((it) => it.role === 'definition' && it.fact).map((it) => it.fact!);
  const references = mentions.filter((it) => it.role === 'reference' && it.fact).map((it) => it.fact!);
  if (kind === 'repository') {
    const states = (mentioned.world?.scopes ?? []).map(({ cluster, scope }) => {
      const summary = summariesOf(clusterConfiguration(cluster, scope, query), workspace.targets.pgbackrest).find(
        (it) => it.name === name,
      );
      return `**${name}** of ${cluster.title}${summary ? summary.text.slice(name.length) : ' is not configured'}`;
    });
    return states.length > 0 ? [...new Set(states)].join('\n\n') : undefined;
  }
  if (kind === 'secretEntry' || kind === 'configMapEntry') {
    const owner = definitions[0]?.resource;
    if (owner instanceof SecretResource || owner instanceof ConfigMapResource) {
      const entry = owner.entry(name);
      return entry && entryText(entry, query);
    }
    return here.fact?.symbol.owner ? `**${name}** is not in the files here.` : undefined;
  }
  const [first] = definitions;
  if (!first) return `**${name}** is not in the files here; it may live in the cluster.`;
  const lines = [`**${first.resource.title}**${here.fact === first ? '' : ` in ${fileName(first.at.part.uri)}`}`];
  if (first.resource instanceof SecretResource || first.resource instanceof ConfigMapResource) {
    const names = [...new Set(first.resource.entries.map((it) => it.name))];
    if (names.length > 0) lines.push(`Entries: ${names.slice(0, 20).map(code).join(', ')}`);
    if (first.resource instanceof SecretResource && first.resource.isManagedElsewhere) {
      lines.push('Its values come from elsewhere.');
    }
  }
  const users = [...new Set(references.map((it) => it.resource).filter((it) => it !== first.resource))];
  if (users.length > 0) {
    const shown = users.slice(0, 5).map((it) => it.title);
    lines.push(`Used by ${shown.join(', ')}${users.length > 5 ? ` and ${count(users.length - 5, 'other')}` : ''}`);
  }
  return lines.join('\n\n');
}

function inEntry(
  workspace: Workspace,
  resource: Resource,
  offset: number,
): { at: Place; text: string; isKey: boolean } | undefined {
  if (!(resource instanceof SecretResource || resource instanceof ConfigMapResource)) return undefined;
  for (const entry of resource.entries) {
    const isKey = contains(entry.keyPlace, offset);
    const value = entry.node?.usePlace;
    if (!isKey && !(value && contains(value, offset))) continue;
    return { at: isKey ? entry.keyPlace : entry.node!.usePlace, text: entryText(entry, workspace.query()), isKey };
  }
  return undefined;
}

/** The field of a manifest, by our schemas. */
function aboutField(resource: Resource, offset: number): Hover | undefined {
  const found = resource.node.at(offset);
  if (!found) return undefined;
  const field = describe(resource.manifestKind, found.path);
  const name = found.path.at(-1);
  if (!field || field.description === '' || typeof name !== 'string') return undefined;
  if (found.isKey) return { at: found.node.keyPlace, text: fieldText(name, field) };
  const value = found.node.text;
  const meaning = value === undefined ? undefined : field.values?.[value];
  const at = found.node.usePlace;
  return { at, text: meaning ? `**${value}**: ${meaning}\n\n${fieldText(name, field)}` : fieldText(name, field) };
}

/** Shared with completion. */
export function fieldText(name: string, field: FieldDescription): string {
  const paragraphs = [`**${name}**${field.type ? ` · ${field.type}` : ''}${field.isRequired ? ' · needed' : ''}`];
  if (field.description) paragraphs.push(field.description);
  if (field.enum && field.enum.length > 0) {
    const fallback = field.default === undefined ? undefined : String(field.default);
    const lines = field.enum.map((it) => {
      const meaning = field.values?.[it];
      return `- \`${it}\`${it === fallback ? ' (default)' : ''}${meaning ? `: ${meaning}` : ''}`;
    });
    paragraphs.push(lines.join('\n'));
  } else if (field.default !== undefined && typeof field.default !== 'object') {
    paragraphs.push(`Default: ${code(String(field.default))}`);
  }
  return paragraphs.join('\n\n');
}

function smallestAround(resources: readonly Resource[], offset: number): Resource | undefined {
  const around = resources.filter((it) => contains(it.node.place, offset));
  const size = (it: Resource) => it.node.place.end - it.node.place.start;
  // A Kustomization's generators are resources inside of it.
  return around.toSorted((a, b) => size(a) - size(b))[0];
}

function fileName(uri: string): string {
  return decodeURIComponent(uri.slice(uri.lastIndexOf('/') + 1));
}
