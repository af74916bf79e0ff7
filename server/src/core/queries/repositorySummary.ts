/** One repository in one line: where it is, whether and with what it is encrypted, and what is kept. */

import type { Conf } from '../pgbackrest/conf.ts';
import { EffectiveOptions } from '../pgbackrest/effective.ts';
import type { Release } from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import type { YamlNode } from '../yaml/node.ts';
import { type ClusterConfiguration, operatorStanza } from './clusterConfiguration.ts';
import type { ConfReading } from './confReading.ts';
import { type RepositoryState, repositoryState, repositoryStateIn } from './repositoryState.ts';

/** `repo1: s3, encrypted (aes-256-cbc, pass from Secret db/backup), retention 4 full`. */
export interface RepositorySummary {
  name: string;
  text: string;
  encryption: RepositoryState['encryption'];
  state: RepositoryState;
}

/** As one stanza of a file sees its repositories. */
export function summariesIn(reading: ConfReading, stanza: string | undefined, target?: Release): RepositorySummary[] {
  const effective = reading.effective(stanza, target);
  return namesOf(reading.settings).flatMap((name) => {
    const state = repositoryStateIn(reading, stanza, name, effective);
    if (!state) return [];
    return [
      summary(state, effective, {
        confs: reading.confs,
        storage: storageOf(effective, state.index),
        isWhole: reading.isWhole,
      }),
    ];
  });
}

/** The repositories of a cluster: those that its manifest declares, and those of which only options speak. */
export function summariesOf(configuration: ClusterConfiguration, target?: Release): RepositorySummary[] {
  const effective = new EffectiveOptions(configuration.settings, operatorStanza, target);
  const declared = configuration.scope.repos.map((it) => it.name);
  const names = [...new Set([...declared, ...namesOf(configuration.settings)])].filter((it) => it !== '');
  return names.flatMap((name) => {
    const state = repositoryState(configuration, name, effective);
    if (!state) return [];
    const node = configuration.scope.repos.find((it) => it.name === name)?.node;
    const confs = configuration.confs.map((it) => it.conf);
    const isWhole = configuration.unseen.length === 0 && !configuration.hasEnvironment;
    return [summary(state, effective, { confs, storage: declaredStorage(node), isWhole })];
  });
}

function summary(
  state: RepositoryState,
  effective: EffectiveOptions,
  { confs, storage, isWhole }: { confs: readonly Conf[]; storage: string | undefined; isWhole: boolean },
): RepositorySummary {
  const { name, encryption } = state;
  const parts = [storage, encryptionText(state, confs), retentionText(effective, state.index, isWhole)];
  return { name, encryption, state, text: `${name}: ${parts.filter((it) => it !== undefined).join(', ')}` };
}

function encryptionText({ name, encryption, type, pass, text }: RepositoryState, confs: readonly Conf[]): string {
  switch (encryption) {
    case 'encrypted':
      return `encrypted (${type!.value}, pass from ${sourceOf(pass!, confs)})`;
    case 'pass-ignored':
      return `NOT ENCRYPTED: the pass is ignored because ${name}-cipher-type is ${type ? 'none' : 'not set'}`;
    case 'plain':
      return 'NOT ENCRYPTED';
    default:
      return text;
  }
}

/** `Secret db/backup`, `pgbackrest.conf`, `global`. */
function sourceOf(setting: Setting, confs: readonly Conf[]): string {
  if (setting.origin.kind === 'global') return 'global';
  const conf = confs.find((it) => it.holds(setting));
  return conf?.entry?.secret.title ?? conf?.title ?? 'a file';
}

function retentionText(effective: EffectiveOptions, index: number, isWhole: boolean): string | undefined {
  const full = effective.setting(`repo${index}-retention-full`);
  if (!full) return isWhole ? 'no retention' : undefined;
  if (full.isOpaque) return undefined;
  return effective.value('repo-retention-full-type', index) === 'time'
    ? `retention ${full.value} days`
    : `retention ${full.value} full`;
}

function storageOf(effective: EffectiveOptions, index: number): string | undefined {
  const host = effective.setting(`repo${index}-host`);
  if (host) return host.isOpaque ? 'on another host' : `on ${host.value}`;
  return effective.isUncertain('repo-type', index) ? undefined : effective.value('repo-type', index);
}

function declaredStorage(node: YamlNode | undefined): string | undefined {
  return (['s3', 'gcs', 'azure', 'volume'] as const).find((it) => node?.get(it) !== undefined);
}

function namesOf(settings: readonly Setting[]): string[] {
  const names = settings.map((it) => it.group).filter((it) => it?.startsWith('repo')) as string[];
  return [...new Set(names)].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)));
}
