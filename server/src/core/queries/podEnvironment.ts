/**
 * The environment variables that reach Spilo in the Pods of Zalando's operator, and where they are written: the ConfigMap and the
 * Secret that the operator's configuration names, and `env` and `envFrom` of a cluster. Facts: operators.md 5.
 */

import type { Fact } from '../facts.ts';
import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Edit, Place } from '../part.ts';
import type { Resource } from '../resource.ts';
import { ConfigMapResource, type SecretEntry, SecretResource, setText } from '../resources/secret.ts';
import { ZalandoClusterResource, ZalandoOperatorResource } from '../resources/zalando.ts';
import { encodeBase64 } from '../text/base64.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';
import { selectedEntry, valuePlace } from './selectedEntry.ts';

export type EnvironmentOwner = ConfigMapResource | SecretResource | ZalandoClusterResource;

export interface PodVariable {
  name: string;
  owner: EnvironmentOwner;
  keyPlace: Place;
  valuePlace: Place;
  /** As the Pod gets it; undefined where somebody else fills it. */
  text: string | undefined;
  entry: SecretEntry | undefined;
  /** The item of `env`. */
  item: YamlNode | undefined;
  set(text: string): Edit[] | undefined;
}

export interface PodEnvironment {
  variables: PodVariable[];
  /** false where variables may come from something that is not here. */
  isWhole: boolean;
}

/** What the operator's configuration says about the environment of Pods, in its own kind or in its ConfigMap. */
export interface EnvironmentSetting {
  kind: 'configMap' | 'secret';
  /** As written: `name`, or for the ConfigMap `namespace/name`. */
  text: string;
  at: Place;
}

/** The variables of one owner, each by its last value. */
export function variablesOf(owner: EnvironmentOwner, query: Query): PodVariable[] {
  if (owner instanceof ZalandoClusterResource) return owner.env.map((it) => clusterVariable(owner, it, query));
  let variables = knownVariables.get(owner);
  if (!variables) {
    variables = [...new Set(owner.entries.map((it) => it.name))].map((name) =>
      entryVariable(owner, owner.entry(name)!),
    );
    knownVariables.set(owner, variables);
  }
  return variables;
}

/** Whether Spilo reads the entries of this ConfigMap or Secret as its environment. */
export function isPodEnvironment(owner: ConfigMapResource | SecretResource, query: Query): boolean {
  const looks = looksOf(owner);
  if (!looks.isPossible) return false;
  if (looks.isTelling) return true;
  const kind = kindOf(owner);
  const references = query.referencesTo({ kind, name: owner.name, namespace: owner.namespace });
  if (isInEnvFrom(references)) return true;
  const { settings, maps } = surroundings(query);
  if (settings.some((it) => it.kind === kind && isNamed(it, owner))) return true;
  // A Secret with a key for WAL-G beside a ConfigMap that is the environment: nothing else uses it, or names another one.
  return (
    kind === 'secret' &&
    looks.hasKey &&
    !settings.some((it) => it.kind === kind) &&
    references.length === 0 &&
    maps.some((it) => looksOf(it).isTelling)
  );
}

/** The index gives the same list as long as nothing changes, and many owners of one name ask. */
const knownEnvFrom = new WeakMap<readonly Fact[], boolean>();

function isInEnvFrom(references: readonly Fact[]): boolean {
  let found = knownEnvFrom.get(references);
  if (found === undefined) {
    found = references.some((it) => it.path.startsWith('spec.envFrom['));
    knownEnvFrom.set(references, found);
  }
  return found;
}

/** Everything that can reach the Pods that get `owner`'s variables, as far as it is here. */
export function podEnvironment(owner: EnvironmentOwner, query: Query): PodEnvironment {
  query.again();
  const known = knownEnvironments.get(query);
  if (known?.owner === owner) return known.environment;
  const environment = findEnvironment(owner, query);
  knownEnvironments.set(query, { owner, environment });
  return environment;
}

/** Several rules ask for the same owner, one after the other. */
const knownEnvironments = new WeakMap<Query, { owner: EnvironmentOwner; environment: PodEnvironment }>();

function findEnvironment(owner: EnvironmentOwner, query: Query): PodEnvironment {
  const { settings, possible, areSettingsHere } = surroundings(query);
  const others = possible.filter((it) => it !== owner);
  // Without a word from the operator, what lies beside belongs together; a ConfigMap elsewhere only where none is beside.
  const beside = others.filter((it) => isBeside(it, owner));
  const isSettled = settings.length > 0 || ![owner, ...beside].some((it) => isMap(it) && looksOf(it).isTelling);
  const owners = (isSettled ? others : beside).filter((it) => isPodEnvironment(it, query));
  const clusters =
    owner instanceof ZalandoClusterResource
      ? [owner]
      : query.fromResources(['postgresql'], 'with an environment', (clusters) =>
          fewOfEachName(
            clusters.filter((it) => it instanceof ZalandoClusterResource).filter((it) => it.hasEnvironment),
          ),
        );
  const all: EnvironmentOwner[] = [...new Set([owner, ...owners, ...clusters])];
  const isHere = (it: Fact) =>
    it.role === 'definition' || !it.path.startsWith('spec.envFrom[') || query.definitionsOf(it.symbol).length > 0;
  const isFound = settings.length > 0 ? areSettingsHere : all.some((it) => isMap(it));
  return {
    variables: all.flatMap((it) => variablesOf(it, query)),
    isWhole:
      isFound &&
      clusters.every((it) => it.facts.every((fact) => isHere(fact))) &&
      !all.some((it) => it instanceof SecretResource && it.hasUnknownEntries),
  };
}

export function environmentSettings(query: Query): readonly EnvironmentSetting[] {
  return surroundings(query).settings;
}

interface Surroundings {
  settings: readonly EnvironmentSetting[];
  maps: readonly ConfigMapResource[];
  /** What may be the environment of Pods, by its entries. */
  possible: readonly (ConfigMapResource | SecretResource)[];
  /** Everything that the settings name is here. */
  areSettingsHere: boolean;
}

/** Resources never change. */
const knownVariables = new WeakMap<EnvironmentOwner, PodVariable[]>();
const knownLooks = new WeakMap<EnvironmentOwner, Looks>();

function surroundings(query: Query): Surroundings {
  return query.fromResources(SURROUNDINGS, 'surroundings of Pods', (resources) => {
    const maps = resources.filter((it) => it instanceof ConfigMapResource);
    const secrets = resources.filter((it) => it instanceof SecretResource);
    const operators = resources.filter((it) => it instanceof ZalandoOperatorResource);
    const settings = readSettings(maps, operators);
    const all = [...maps, ...secrets];
    return {
      settings,
      maps,
      possible: fewOfEachName(all.filter((it) => looksOf(it).isPossible)),
      areSettingsHere: settings.every((it) => all.some((other) => kindOf(other) === it.kind && isNamed(it, other))),
    };
  });
}

const SURROUNDINGS = ['ConfigMap', 'Secret', 'SealedSecret', 'ExternalSecret', 'OperatorConfiguration'];

/** A base and its overlays are a few of one name; of hundreds, the others say nothing more. */
const mostOfOneName = 20;

function fewOfEachName<T extends Resource>(resources: readonly T[]): T[] {
  const counts = new Map<string, number>();
  return resources.filter((it) => {
    const count = (counts.get(it.title) ?? 0) + 1;
    counts.set(it.title, count);
    return count <= mostOfOneName;
  });
}

function readSettings(
  maps: readonly ConfigMapResource[],
  operators: readonly ZalandoOperatorResource[],
): EnvironmentSetting[] {
  const found: EnvironmentSetting[] = [];
  const counts = new Map<string, number>();
  const add = (kind: EnvironmentSetting['kind'], node: YamlNode | undefined) => {
    const text = node?.text;
    if (!node || !text || isOpaque(text)) return;
    const count = (counts.get(`${kind} ${text}`) ?? 0) + 1;
    counts.set(`${kind} ${text}`, count);
    if (count <= mostOfOneName) found.push({ kind, text, at: node.place });
  };
  for (const it of operators) {
    add('configMap', it.node.get('configuration.kubernetes.pod_environment_configmap'));
    add('secret', it.node.get('configuration.kubernetes.pod_environment_secret'));
  }
  for (const it of maps) {
    if (!looksOf(it).isOperator) continue;
    add('configMap', it.entry('pod_environment_configmap')?.node);
    add('secret', it.entry('pod_environment_secret')?.node);
  }
  return found;
}

/** What the names of the entries say. */
interface Looks {
  isPossible: boolean;
  isTelling: boolean;
  hasKey: boolean;
  isOperator: boolean;
  namespace: string | undefined;
}

function looksOf(owner: EnvironmentOwner): Looks {
  let looks = knownLooks.get(owner);
  if (!looks) {
    const names = owner instanceof ZalandoClusterResource ? [] : owner.entries.map((it) => it.name);
    const isUnlisted = owner instanceof SecretResource && owner.hasUnknownEntries;
    looks = {
      isPossible: isUnlisted || names.some((it) => MAYBE.test(it)),
      isTelling: names.some((it) => TELLING.test(it)),
      hasKey: names.some((it) => KEY.test(it)),
      isOperator: names.some((it) => it === 'pod_environment_configmap' || it === 'pod_environment_secret'),
      namespace: owner.namespace,
    };
    knownLooks.set(owner, looks);
  }
  return looks;
}

/** A missing namespace fits all. */
function isBeside(a: EnvironmentOwner, b: EnvironmentOwner): boolean {
  const [one, two] = [looksOf(a).namespace, looksOf(b).namespace];
  return one === undefined || two === undefined || one === two;
}

function isMap(owner: EnvironmentOwner): owner is ConfigMapResource {
  return owner instanceof ConfigMapResource;
}

/** A new variable beside another one, where there is one way to write it. */
export function addVariable(beside: PodVariable, name: string, value: string): Edit[] | undefined {
  const { owner, item, entry } = beside;
  if (owner instanceof ZalandoClusterResource) {
    const list = owner.node.get('spec.env');
    const first = item?.entries()[0];
    if (!item || !list || list.isFlow || item.isFlow || !first) return undefined;
    const { text } = item.part;
    const lineStart = text.lastIndexOf('\n', first.keyPlace.start - 1) + 1;
    const lead = text.slice(lineStart, first.keyPlace.start);
    if (!/^\s*- +$/.test(lead)) return undefined;
    const at = item.part.place(lineStart, lineStart);
    return [{ at, newText: `${lead}name: ${name}\n${' '.repeat(lead.length)}value: ${JSON.stringify(value)}\n` }];
  }
  const map = entry && owner.node.get(entry.container);
  if (!map?.isMap) return undefined;
  const isData = owner instanceof SecretResource && entry?.container === 'data';
  const written = isData ? encodeBase64(new TextEncoder().encode(value)) : JSON.stringify(value);
  return entry?.container === 'binaryData' ? undefined : addEntry(map, name, written);
}

/** Variables of which Spilo's environment may be made; a look before any question is asked. */
const MAYBE =
  /^(?:(?:CLONE|STANDBY)_)?(?:USE_WALG_|WALG_|WALE_|WAL_|AWS_(?:ENDPOINT|REGION|SECRET_ACCESS_KEY)|BACKUP_NUM|BACKUP_SCHEDULE)/;

/** Variables that nobody but Spilo reads. */
const TELLING =
  /^(?:(?:CLONE|STANDBY)_)?(?:USE_WALG_(?:BACKUP|RESTORE)|WAL_(?:S3|GS|GCS|SWIFT)_BUCKET|WAL_BUCKET_SCOPE_(?:PREFIX|SUFFIX))$|^(?:CLONE|STANDBY)_WAL[EG]_/;

/** Keys that WAL-G encrypts with. */
export const KEY = /^(?:(?:CLONE|STANDBY)_)?WALG_(?:LIBSODIUM_KEY|LIBSODIUM_KEY_PATH|PGP_KEY|PGP_KEY_PATH)$/;

function kindOf(owner: ConfigMapResource | SecretResource): EnvironmentSetting['kind'] {
  return owner instanceof SecretResource ? 'secret' : 'configMap';
}

function isNamed(setting: EnvironmentSetting, owner: ConfigMapResource | SecretResource): boolean {
  if (setting.kind === 'secret') return setting.text === owner.name;
  const [first, second] = setting.text.split('/');
  if (second === undefined) return first === owner.name;
  return second === owner.name && (owner.namespace === undefined || owner.namespace === first);
}

function entryVariable(owner: ConfigMapResource | SecretResource, entry: SecretEntry): PodVariable {
  const isHidden = entry.isOpaque || !entry.bytes;
  return {
    name: entry.name,
    owner,
    keyPlace: entry.keyPlace,
    valuePlace: valuePlace(entry),
    text: isHidden ? undefined : new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry.bytes),
    entry,
    item: undefined,
    set: (text) => setText(entry, text),
  };
}

function clusterVariable(
  owner: ZalandoClusterResource,
  { name, node, selector }: ZalandoClusterResource['env'][number],
  query: Query,
): PodVariable {
  const entry = selectedEntry(selector, query);
  const value = node.get('value');
  const own = value?.text ?? '';
  const isHidden = node.get('valueFrom') !== undefined || isOpaque(own);
  return {
    name,
    owner,
    keyPlace: node.get('name')?.place ?? node.place,
    valuePlace: entry ? valuePlace(entry) : (value?.place ?? node.get('name')?.place ?? node.place),
    text: entry?.bytes ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry.bytes) : isHidden ? undefined : own,
    entry,
    item: node,
    set: (text) => (entry ? setText(entry, text) : value && replaceValue(value, JSON.stringify(text))),
  };
}
