/** What the other products make of a manifest: StackGres hands variables to WAL-G, Stork merges a Secret, Barman gets flags. */

import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Place } from '../part.ts';
import type { Resource } from '../resource.ts';
import { type BarmanStore, CnpgClusterResource, CnpgObjectStoreResource } from '../resources/cnpg.ts';
import { ObjectStorageResource, type Selector, StackGresClusterResource } from '../resources/stackgres.ts';
import { BackupLocationResource, LOCATION_SECRET_ENTRIES } from '../resources/stork.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import type { YamlNode } from '../yaml/node.ts';
import { locationSecrets, overridingEntry } from './backupLocation.ts';
import type { ExplainedOption, Explanation } from './explanation.ts';
import { podEnvironment } from './podEnvironment.ts';
import { selectedEntry, selectedSecrets } from './selectedEntry.ts';
import { transformOf } from './sodiumKey.ts';

/** undefined where the object says nothing about backups. */
export function explainManifest(resource: Resource, query: Query): Explanation | undefined {
  if (resource instanceof ObjectStorageResource) return explainStorage(resource, query);
  if (resource instanceof StackGresClusterResource) return explainStackGresCluster(resource, query);
  if (resource instanceof BackupLocationResource) return explainLocation(resource, query);
  if (resource instanceof ZalandoClusterResource) return explainPod(resource, query);
  if (resource instanceof CnpgClusterResource || resource instanceof CnpgObjectStoreResource)
    return explainBarman(resource);
  return undefined;
}

/** `s3 backups, encrypted (sodium, key from Secret db/keys)`. */
export function storageSummary(storage: ObjectStorageResource, query: Query): string {
  const type = storage.node.textAt('spec.type');
  const section = storage.sections.find((it) => it.type === type)?.node;
  const bucket = section?.textAt('bucket');
  const where = [type ?? 'a storage', bucket && !isOpaque(bucket) ? bucket : undefined].filter(Boolean).join(' ');
  const method = storage.effectiveEncryption;
  if (!method) return `${where}, NOT ENCRYPTED`;
  const source = secretTitle(storage.selector(`encryption.${method}.key`), query);
  return `${where}, encrypted (${method}${source ? `, key from ${source}` : ''})`;
}

function explainStorage(storage: ObjectStorageResource, query: Query): Explanation {
  const options: ExplainedOption[] = [];
  const isOpenpgp = storage.effectiveEncryption === 'openpgp';
  const variable = (name: string, path: string, reason?: string) => {
    const selector = storage.selector(path);
    if (selector)
      options.push({
        ...row(
          name,
          '«secret»',
          `Secret ${selector.secret?.symbol.name ?? ''}, entry ${selector.entry?.symbol.name ?? ''}`,
          selector.node.place,
        ),
        ...dropped(reason),
      });
  };
  const why = isOpenpgp ? 'WAL-G takes OpenPGP where both are given' : undefined;
  variable('WALG_LIBSODIUM_KEY', 'encryption.sodium.key', why);
  const sodium = storage.encryption?.get('sodium');
  if (sodium?.isMap) {
    const node = sodium.get('keyTransform');
    const transform = transformOf(node) ?? node?.text;
    options.push({
      ...row('WALG_LIBSODIUM_KEY_TRANSFORM', transform, node ? `spec of ${storage.title}` : 'the default', node?.place),
      ...dropped(why),
    });
  }
  variable('WALG_PGP_KEY', 'encryption.openpgp.key');
  variable('WALG_PGP_KEY_PASSPHRASE', 'encryption.openpgp.keyPassphrase');
  const method = storage.encryption?.get('method');
  if (method && !method.isNull) {
    const reason = 'the operator looks at the sections, not at the method';
    options.push({
      ...row('spec.encryption.method', method.text, `spec of ${storage.title}`, method.place),
      ...dropped(method.text === storage.effectiveEncryption ? undefined : reason),
    });
  }
  const type = storage.node.textAt('spec.type');
  for (const { type: section, node } of storage.sections) {
    for (const field of node.entries()) {
      if (field.isMap || field.isList || field.isNull) continue;
      const name = `spec.${section}.${field.key?.text ?? ''}`;
      options.push({
        ...row(name, field.text, `spec of ${storage.title}`, field.place),
        ...dropped(section === type ? undefined : `spec.type is ${type ?? 'not set'}`),
      });
    }
  }
  const summaries = [`${storage.name}: ${storageSummary(storage, query)}`];
  return explanation(storage, summaries, options, unseenSecrets(storage.selectors, query));
}

function explainStackGresCluster(cluster: StackGresClusterResource, query: Query): Explanation | undefined {
  if (cluster.backups.length === 0) return undefined;
  const notes: string[] = [];
  const options: ExplainedOption[] = [];
  const summaries = cluster.backups.map((backup) => {
    const name = backup.textAt('sgObjectStorage') ?? '';
    const symbol = { kind: 'objectStorage' as const, name, namespace: cluster.namespace };
    const candidates = query.definitionsOf(symbol);
    const found = query.best(candidates, symbol, cluster.part.uri)?.resource;
    const retention = backup.textAt('retention');
    const kept = retention === undefined ? [] : [`retention ${retention} full`];
    if (found instanceof ObjectStorageResource) return [`${name}: ${storageSummary(found, query)}`, ...kept].join(', ');
    notes.push(`SGObjectStorage ${name} is not here.`);
    return [`${name}: whether it is encrypted cannot be seen in the files here`, ...kept].join(', ');
  });
  for (const [i, backup] of cluster.backups.entries()) {
    for (const field of backup.entries()) {
      if (field.isMap || field.isList || field.isNull) continue;
      options.push(row(`backups[${i}].${field.key?.text ?? ''}`, field.text, `spec of ${cluster.title}`, field.place));
    }
  }
  return explanation(cluster, summaries, options, notes);
}

function explainLocation(location: BackupLocationResource, query: Query): Explanation {
  const options: ExplainedOption[] = [];
  const { type } = location;
  const entries = LOCATION_SECRET_ENTRIES.filter((it) => type === undefined || it.types.includes(type));
  for (const field of leaves(location.location)) {
    const over = overridingEntry(location, field.path, query);
    const isSecret = isSecretField(field.path);
    const base = row(
      `location.${field.path}`,
      isSecret ? '«secret»' : field.node.text,
      location.title,
      field.node.place,
    );
    const by = over && {
      state: 'overridden' as const,
      reason: `${over.entry.secret.title} has ${over.entry.name}`,
      by: over.entry.keyPlace,
    };
    options.push({ ...base, ...by });
  }
  for (const { field, entry: name } of entries) {
    const over = overridingEntry(location, field, query);
    if (!over) continue;
    const isSecret = isSecretField(field);
    const value = isSecret ? '«secret»' : over.text;
    options.push(row(`location.${field}`, value, `${over.entry.secret.title}, entry ${name}`, over.entry.keyPlace));
  }
  const isEncrypted = options.some((it) => it.name === 'location.encryptionV2Key' && it.state === 'in-force');
  const sse = options.find((it) => it.name === 'location.s3Config.sse' && it.state === 'in-force')?.value;
  const parts = [type ?? 'a storage', isEncrypted ? 'encrypted (encryptionV2Key)' : 'NOT ENCRYPTED by Stork'];
  if (sse) parts.push(`server-side ${sse}`);
  const names = locationSecrets(location, query)?.length === 0 ? ['The Secret that it names is not here.'] : [];
  return explanation(location, [`${location.name}: ${parts.join(', ')}`], options, names);
}

function explainBarman(resource: CnpgClusterResource | CnpgObjectStoreResource): Explanation | undefined {
  if (resource.stores.length === 0) return undefined;
  const options: ExplainedOption[] = [];
  const summaries = resource.stores.map((store) => {
    options.push(...barmanFlags(store, resource));
    const encryption = (of: string) => store.node.textAt(`${of}.encryption`);
    const parts = [
      `WAL ${encryption('wal') ?? 'as the bucket says'}`,
      `base backups ${encryption('data') ?? 'as the bucket says'}`,
    ];
    const name = store.externalName ?? store.node.textAt('destinationPath') ?? resource.name;
    return `${name}: server-side encryption: ${parts.join(', ')}; no client-side encryption exists`;
  });
  return explanation(resource, summaries, options, []);
}

function barmanFlags(store: BarmanStore, resource: Resource): ExplainedOption[] {
  const found: ExplainedOption[] = [];
  const add = (name: string, node: YamlNode | undefined) => {
    if (node && !node.isNull && !node.isMap)
      found.push(row(name, node.text, `${store.path} of ${resource.title}`, node.place));
  };
  for (const it of ['destinationPath', 'endpointURL', 'serverName']) add(`${store.path}.${it}`, store.node.get(it));
  for (const [of, program] of [
    ['wal', 'barman-cloud-wal-archive'],
    ['data', 'barman-cloud-backup'],
  ] as const) {
    const given = store.node.get(`${of}.encryption`);
    add(`${program} --encryption`, given);
    add(`${program} --${store.node.textAt(`${of}.compression`)}`, store.node.get(`${of}.compression`));
    for (const extra of store.node.get(`${of}.additionalCommandArgs`)?.items() ?? []) {
      const flag = /^--?[\w-]+/.exec(extra.text ?? '')?.[0];
      const isTaken = given !== undefined && flag === '--encryption';
      const base = row(
        `${program} ${flag ?? ''}`,
        extra.text?.slice((flag?.length ?? 0) + 1),
        `${store.path} of ${resource.title}`,
        extra.place,
      );
      found.push({ ...base, ...dropped(isTaken ? 'the operator sets this flag from the field' : undefined) });
    }
  }
  return found;
}

function explainPod(cluster: ZalandoClusterResource, query: Query): Explanation | undefined {
  const { variables, isWhole } = podEnvironment(cluster, query);
  const ours = variables.filter((it) => /WAL|AWS|GOOGLE|AZURE|BACKUP|LIBSODIUM|PGP|CLONE|STANDBY/.test(it.name));
  if (ours.length === 0) return undefined;
  const options = ours.map((it): ExplainedOption => {
    const isSecret = /KEY|SECRET|TOKEN|PASS|CREDENTIALS/.test(it.name) && !/TRANSFORM$/.test(it.name);
    const winner = ours.findLast((other) => other.name === it.name);
    const base = row(it.name, isSecret ? '«secret»' : it.text, it.owner.title, it.keyPlace);
    return winner === it || winner === undefined
      ? base
      : { ...base, state: 'overridden', reason: `${winner.owner.title} has it too`, by: winner.keyPlace };
  });
  const isSet = (pattern: RegExp) => ours.some((it) => pattern.test(it.name) && it.text !== '');
  const method = isSet(/^WALG_PGP_KEY/) ? 'openpgp' : isSet(/^WALG_LIBSODIUM_KEY(?:_PATH)?$/) ? 'sodium' : undefined;
  const text = method
    ? `encrypted (${method})`
    : isWhole
      ? 'NOT ENCRYPTED'
      : 'whether they are encrypted cannot be seen in the files here';
  return explanation(
    cluster,
    [`backups of ${cluster.name}: ${text}`],
    options,
    isWhole ? [] : ['Variables may come from objects that are not here.'],
  );
}

function explanation(
  resource: Resource,
  summaries: string[],
  options: ExplainedOption[],
  notes: string[],
): Explanation {
  return {
    title: resource.title,
    uri: resource.part.uri,
    readers: [{ stanza: undefined, summaries, refusals: [], options }],
    notes: [...new Set(notes)],
  };
}

function row(name: string, value: string | undefined, origin: string, at: Place | undefined): ExplainedOption {
  const shown = value !== undefined && isOpaque(value) ? undefined : value;
  return { name, value: shown, origin, at, state: 'in-force', commands: undefined, reason: undefined, by: undefined };
}

function dropped(reason: string | undefined): Partial<ExplainedOption> {
  return reason === undefined ? {} : { state: 'dropped', reason };
}

function secretTitle(selector: Selector | undefined, query: Query): string | undefined {
  if (!selector) return undefined;
  const found = selectedEntry(selector, query)?.secret.title;
  return found ?? (selector.secret?.symbol.name ? `Secret ${selector.secret.symbol.name}` : undefined);
}

function unseenSecrets(selectors: readonly Selector[], query: Query): string[] {
  return selectors
    .filter((it) => it.secret && it.secret.symbol.name !== '' && selectedSecrets(it, query).length === 0)
    .map((it) => `Secret ${it.secret!.symbol.name} is not here.`);
}

/** The names of Secrets are none. */
function isSecretField(path: string): boolean {
  return /key|secret|token|password/i.test(path) && path !== 'secretConfig';
}

/** Every scalar below a map, with its path. */
function leaves(map: YamlNode | undefined, prefix = ''): { path: string; node: YamlNode }[] {
  return (map?.entries() ?? []).flatMap((node) => {
    const path = `${prefix}${node.key?.text ?? ''}`;
    if (node.isMap) return leaves(node, `${path}.`);
    return node.isList || node.isNull ? [] : [{ path, node }];
  });
}
