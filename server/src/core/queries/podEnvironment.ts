/**
 * The environment variables that reach Spilo in the Pods of Zalando's operator, and where they are written: the ConfigMap and the
 * Secret that the operator's configuration names, and `env` and `envFrom` of a cluster. Facts: operators.md 5.
 */

import type { Fact } from '../facts.ts';
import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Edit, Place } from '../part.ts';
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
  return [...new Set(owner.entries.map((it) => it.name))].map((name) => entryVariable(owner, owner.entry(name)!));
}

/** Whether Spilo reads the entries of this ConfigMap or Secret as its environment. */
export function isPodEnvironment(owner: ConfigMapResource | SecretResource, query: Query): boolean {
  const isUnlisted = owner instanceof SecretResource && owner.hasUnknownEntries;
  if (!isUnlisted && !owner.entries.some((it) => MAYBE.test(it.name))) return false;
  if (owner.entries.some((it) => TELLING.test(it.name))) return true;
  const kind = owner instanceof SecretResource ? 'secret' : 'configMap';
  const references = query.referencesTo({ kind, name: owner.name, namespace: owner.namespace });
  if (references.some((it) => it.path.startsWith('spec.envFrom['))) return true;
  const settings = environmentSettings(query).filter((it) => it.kind === kind);
  if (settings.some((it) => isNamed(it, owner))) return true;
  // A Secret with a key for WAL-G beside a ConfigMap that is the environment: nothing else uses it, or names another one.
  return (
    kind === 'secret' &&
    settings.length === 0 &&
    references.length === 0 &&
    owner.entries.some((it) => KEY.test(it.name)) &&
    query
      .resources('ConfigMap')
      .some((it) => it instanceof ConfigMapResource && it.entries.some((entry) => TELLING.test(entry.name)))
  );
}

/** Everything that can reach the Pods that get `owner`'s variables, as far as it is here. */
export function podEnvironment(owner: EnvironmentOwner, query: Query): PodEnvironment {
  const maps = query.resources('ConfigMap').filter((it) => it instanceof ConfigMapResource);
  const secrets = query
    .resources('Secret', 'SealedSecret', 'ExternalSecret')
    .filter((it) => it instanceof SecretResource);
  const owners = [...maps, ...secrets].filter((it) => it !== owner && isPodEnvironment(it, query));
  const clusters =
    owner instanceof ZalandoClusterResource
      ? []
      : query.resources('postgresql').filter((it) => it instanceof ZalandoClusterResource);
  const all: EnvironmentOwner[] = [owner, ...owners, ...clusters];
  const isNamedHere = (it: EnvironmentSetting) =>
    [...maps, ...secrets].some((other) => kindOf(other) === it.kind && isNamed(it, other));
  const isHere = (it: Fact) =>
    it.role === 'definition' || !it.path.startsWith('spec.envFrom[') || query.definitionsOf(it.symbol).length > 0;
  const settings = environmentSettings(query);
  // Without a word from the operator, a ConfigMap that is surely the environment must be here.
  const isFound =
    settings.length > 0
      ? settings.every((it) => isNamedHere(it))
      : maps.some((it) => it === owner || owners.includes(it));
  return {
    variables: all.flatMap((it) => variablesOf(it, query)),
    isWhole:
      isFound &&
      clusters.every((it) => it.facts.every((fact) => isHere(fact))) &&
      !all.some((it) => it instanceof SecretResource && it.hasUnknownEntries),
  };
}

export function environmentSettings(query: Query): EnvironmentSetting[] {
  const found: EnvironmentSetting[] = [];
  const add = (kind: EnvironmentSetting['kind'], node: YamlNode | undefined) => {
    const text = node?.text;
    if (node && text && !isOpaque(text)) found.push({ kind, text, at: node.place });
  };
  for (const it of query.resources('OperatorConfiguration')) {
    if (!(it instanceof ZalandoOperatorResource)) continue;
    add('configMap', it.node.get('configuration.kubernetes.pod_environment_configmap'));
    add('secret', it.node.get('configuration.kubernetes.pod_environment_secret'));
  }
  for (const it of query.resources('ConfigMap')) {
    if (!(it instanceof ConfigMapResource)) continue;
    add('configMap', it.entry('pod_environment_configmap')?.node);
    add('secret', it.entry('pod_environment_secret')?.node);
  }
  return found;
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
