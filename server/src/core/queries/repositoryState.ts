import { EffectiveOptions } from '../pgbackrest/effective.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { type ClusterConfiguration, operatorStanza } from './clusterConfiguration.ts';
import type { ConfReading } from './confReading.ts';

/** Whether one repository is encrypted, as far as the files here tell. */
export interface RepositoryState {
  name: string;
  index: number;
  /** `unknown` where something that nobody can see here may decide. */
  encryption: 'encrypted' | 'plain' | 'pass-ignored' | 'pass-missing' | 'unknown';
  /** `not encrypted: its pass is ignored without repo2-cipher-type`. */
  text: string;
  type: Setting | undefined;
  pass: Setting | undefined;
}

/** A repository of a cluster; undefined where nothing speaks of it. */
export function repositoryState(
  configuration: ClusterConfiguration,
  name: string,
  effective = new EffectiveOptions(configuration.settings, operatorStanza),
): RepositoryState | undefined {
  const isDeclared = configuration.scope.repos.some((it) => it.name === name);
  const mayBeElsewhere = configuration.unseen.length > 0 || configuration.hasEnvironment;
  return stateOf(configuration.settings, effective, name, { isDeclared, mayBeElsewhere });
}

/** A repository as one stanza of a configuration file sees it; `effective`, where its values in force are at hand. */
export function repositoryStateIn(
  reading: ConfReading,
  stanza: string | undefined,
  name: string,
  effective = new EffectiveOptions(reading.settings, stanza),
): RepositoryState | undefined {
  const mayBeElsewhere = reading.mayHoldMore || !reading.isWhole;
  return stateOf(reading.settings, effective, name, { isDeclared: false, mayBeElsewhere });
}

function stateOf(
  settings: readonly Setting[],
  effective: EffectiveOptions,
  name: string,
  { isDeclared, mayBeElsewhere }: { isDeclared: boolean; mayBeElsewhere: boolean },
): RepositoryState | undefined {
  const index = Number(/^repo([0-9]+)$/.exec(name)?.[1]);
  if (Number.isNaN(index)) return undefined;
  if (!isDeclared && !settings.some((it) => it.group === name)) return undefined;
  const type = effective.setting(`${name}-cipher-type`);
  const pass = effective.setting(`${name}-cipher-pass`);
  const encryption = encryptionOf(type, pass, mayBeElsewhere);
  return { name, index, encryption, text: textOf(name, encryption, type), type, pass };
}

function encryptionOf(
  type: Setting | undefined,
  pass: Setting | undefined,
  mayBeElsewhere: boolean,
): RepositoryState['encryption'] {
  if (type?.isOpaque) return 'unknown';
  if (!type || type.value === 'none') {
    if (!type && mayBeElsewhere) return 'unknown';
    return pass ? 'pass-ignored' : 'plain';
  }
  if (pass?.value || pass?.isOpaque) return 'encrypted';
  return mayBeElsewhere ? 'unknown' : 'pass-missing';
}

function textOf(name: string, encryption: RepositoryState['encryption'], type: Setting | undefined): string {
  switch (encryption) {
    case 'encrypted':
      return `encrypted with ${type!.value}`;
    case 'plain':
      return 'not encrypted';
    case 'pass-ignored':
      return type
        ? `not encrypted: its pass is ignored, since ${name}-cipher-type is none`
        : `not encrypted: its pass is ignored without ${name}-cipher-type`;
    case 'pass-missing':
      return `cannot be used: it has a cipher type but no ${name}-cipher-pass`;
    case 'unknown':
      return type && !type.isOpaque
        ? `encrypted with ${type.value}, with a pass that is not in the files here`
        : 'whether it is encrypted cannot be seen in the files here';
  }
}
