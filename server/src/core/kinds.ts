import { Document } from 'yaml';
import type { Part } from './part.ts';
import type { Conf } from './pgbackrest/conf.ts';
import { Resource } from './resource.ts';
import { type BucketPolicyResource, isBucketPolicy, readBucketPolicy } from './resources/bucketPolicy.ts';
import {
  type CnpgBackupResource,
  type CnpgClusterResource,
  type CnpgObjectStoreResource,
  readCnpgBackup,
  readCnpgCluster,
  readCnpgObjectStore,
} from './resources/cnpg.ts';
import {
  type GlobalOptions,
  type PostgresBackupResource,
  type PostgresClusterResource,
  readPostgresBackup,
  readPostgresCluster,
} from './resources/postgresCluster.ts';
import {
  type ConfigMapResource,
  readConfigMap,
  readGenerator,
  readSecret,
  readSecretStandIn,
  type SecretResource,
} from './resources/secret.ts';
import {
  type ObjectStorageResource,
  readObjectStorage,
  readStackGresBackup,
  readStackGresBackupConfig,
  readStackGresCluster,
  type StackGresBackupConfigResource,
  type StackGresBackupResource,
  type StackGresClusterResource,
} from './resources/stackgres.ts';
import { type BackupLocationResource, readBackupLocation } from './resources/stork.ts';
import { readWorkload, type WorkloadResource } from './resources/workload.ts';
import {
  readZalandoCluster,
  readZalandoOperator,
  type ZalandoClusterResource,
  type ZalandoOperatorResource,
} from './resources/zalando.ts';
import type { SettingsFile } from './settings.ts';
import type { Script } from './shell/script.ts';
import { mayCallTools } from './shell/scriptsOf.ts';
import type { Silences } from './silence.ts';
import { YamlNode } from './yaml/node.ts';
import { type ParsedYaml, parseYaml } from './yaml/parse.ts';

/** A Kustomize file; its generators are read as Secrets and ConfigMaps of their own. */
export class KustomizationResource extends Resource {
  readonly kind = 'Kustomization' as const;
}

/** A values.yaml of the chart `postgres` of Crunchy's examples: it has no kind, and becomes a cluster and a Secret. */
export class CrunchyValuesResource extends Resource {
  readonly kind = 'CrunchyValues' as const;
}

/** What rules look at. `Document` is any YAML document of a kind that we know, with its parse errors. */
export interface SubjectOf {
  'pgbackrest.conf': Conf;
  /** The `global` of a cluster: options as the operator writes them into [global]. */
  'pgbackrest.global': GlobalOptions;
  Secret: SecretResource;
  ConfigMap: ConfigMapResource;
  SGObjectStorage: ObjectStorageResource;
  SGCluster: StackGresClusterResource;
  SGBackup: StackGresBackupResource;
  SGBackupConfig: StackGresBackupConfigResource;
  PostgresCluster: PostgresClusterResource;
  PostgresBackup: PostgresBackupResource;
  BackupLocation: BackupLocationResource;
  BucketPolicy: BucketPolicyResource;
  /** CloudNativePG's Cluster. */
  CnpgCluster: CnpgClusterResource;
  CnpgObjectStore: CnpgObjectStoreResource;
  /** CloudNativePG's Backup and ScheduledBackup. */
  CnpgBackup: CnpgBackupResource;
  /** Zalando's postgresql. */
  ZalandoCluster: ZalandoClusterResource;
  ZalandoOperator: ZalandoOperatorResource;
  Kustomization: KustomizationResource;
  /** The values of Crunchy's chart. */
  CrunchyValues: CrunchyValuesResource;
  Document: YamlDocument;
  /** Pods, and what makes Pods. */
  Workload: WorkloadResource;
  /** Calls of backup tools: in a shell script, a cron table, an archive_command, a container. */
  Script: Script;
  /** A `.restorablerc`. */
  Settings: SettingsFile;
  /** The comments of a file that silence findings; looked at when all other rules have spoken. */
  Silences: Silences;
}

export type SubjectKind = keyof SubjectOf;
export type Subject = SubjectOf[SubjectKind];

export class YamlDocument {
  readonly kind = 'Document' as const;

  constructor(
    readonly part: Part,
    readonly parsed: ParsedYaml,
    readonly resources: Resource[],
    readonly isPassedOver = false,
  ) {}
}

type Reader = (part: Part, node: YamlNode, apiVersion: string, kind: string) => Resource;

const STAND_INS = [
  'SealedSecret',
  'ExternalSecret',
  'ClusterExternalSecret',
  'VaultStaticSecret',
  'VaultDynamicSecret',
  'VaultPKISecret',
  'SecretProviderClass',
  'OnePasswordItem',
  'InfisicalSecret',
  'DopplerSecret',
  'BitwardenSecret',
  'ksops',
  'PushSecret',
];

/** By API group and kind: other groups use the same kind names for other things. */
const READERS: { group: RegExp; kinds: string[]; read: Reader }[] = [
  { group: /^v1$/, kinds: ['Secret'], read: readSecret },
  { group: /^v1$/, kinds: ['ConfigMap'], read: readConfigMap },
  { group: /^stackgres\.io\//, kinds: ['SGObjectStorage'], read: readObjectStorage },
  { group: /^stackgres\.io\//, kinds: ['SGCluster', 'SGShardedCluster'], read: readStackGresCluster },
  { group: /^stackgres\.io\//, kinds: ['SGBackup', 'SGShardedBackup'], read: readStackGresBackup },
  { group: /^stackgres\.io\//, kinds: ['SGBackupConfig'], read: readStackGresBackupConfig },
  { group: /^pgv2\.percona\.com\/v2$/, kinds: ['PerconaPGCluster'], read: readPostgresCluster },
  {
    group: /^(?:postgres-operator\.crunchydata|upstream\.pgv2\.percona)\.com\/v1/,
    kinds: ['PostgresCluster'],
    read: readPostgresCluster,
  },
  { group: /^pgv2\.percona\.com\/v2$/, kinds: ['PerconaPGBackup', 'PerconaPGRestore'], read: readPostgresBackup },
  { group: /^stork\.libopenstorage\.org\//, kinds: ['BackupLocation'], read: readBackupLocation },
  { group: /^postgresql\.cnpg\.io\//, kinds: ['Cluster'], read: readCnpgCluster },
  { group: /^postgresql\.cnpg\.io\//, kinds: ['Backup', 'ScheduledBackup'], read: readCnpgBackup },
  { group: /^barmancloud\.cnpg\.io\//, kinds: ['ObjectStore'], read: readCnpgObjectStore },
  { group: /^acid\.zalan\.do\/v1$/, kinds: ['postgresql'], read: readZalandoCluster },
  { group: /^acid\.zalan\.do\/v1$/, kinds: ['OperatorConfiguration'], read: readZalandoOperator },
  { group: /./, kinds: STAND_INS, read: readSecretStandIn },
];

/** What runs containers: read only where one of them may call a tool of ours. */
const WORKLOADS: { group: RegExp; kinds: string[] }[] = [
  { group: /^v1$/, kinds: ['Pod'] },
  { group: /^apps\/v1/, kinds: ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'] },
  { group: /^batch\/v1/, kinds: ['Job', 'CronJob'] },
];

/** A bucket policy has no kind. */
const POLICY_WORDS = ['Statement'];
const CHART_WORDS = ['multiBackupRepos'];

/** A kustomization may leave its kind out. */
const KUSTOMIZE_WORDS = [
  'Kustomization',
  'secretGenerator',
  'configMapGenerator',
  'patches',
  'patchesStrategicMerge',
  'namePrefix',
  'nameSuffix',
];

const INTERESTING = new RegExp(
  `\\b(?:${[...READERS.flatMap((it) => it.kinds), ...KUSTOMIZE_WORDS, ...POLICY_WORDS, ...CHART_WORDS].join('|')})\\b`,
);

const WORKLOAD = new RegExp(`\\bkind["']?:\\s*["']?(?:${WORKLOADS.flatMap((it) => it.kinds).join('|')})\\b`);

/** A look at the text before the parser is asked: most YAML files of a workspace are none of our business. */
export function mayHoldManifest(text: string): boolean {
  return INTERESTING.test(text) || (WORKLOAD.test(text) && mayCallTools(text));
}

/** A document that looks like ours and is not read, because the file is too large for an answer while somebody types. */
export function passOver(part: Part): YamlDocument {
  const nothing = new YamlNode(part, new Document(null), null, undefined);
  return new YamlDocument(part, { root: nothing, errors: [] }, [], true);
}

/** Reads one YAML document; undefined where nothing in it is ours, or nothing can be said. */
export function readDocument(part: Part): YamlDocument | undefined {
  if (!mayHoldManifest(part.text)) return undefined;
  const parsed = parseYaml(part);
  if (!parsed) return undefined;
  const resources: Resource[] = [];
  readNode(part, parsed.root, resources);
  return resources.length > 0 ? new YamlDocument(part, parsed, resources) : undefined;
}

function readNode(part: Part, node: YamlNode, into: Resource[], depth = 0): void {
  const kind = node.textAt('kind') ?? '';
  const apiVersion = node.textAt('apiVersion') ?? '';
  if (kind.endsWith('List') && depth < 3) {
    for (const it of node.get('items')?.items() ?? []) readNode(part, it, into, depth + 1);
    return;
  }
  if (isKustomization(part, node, kind, apiVersion)) {
    into.push(new KustomizationResource(part, node, apiVersion, 'Kustomization'));
    for (const it of node.get('secretGenerator')?.items() ?? []) into.push(readGenerator(part, it, 'Secret'));
    for (const it of node.get('configMapGenerator')?.items() ?? []) into.push(readGenerator(part, it, 'ConfigMap'));
    return;
  }
  if (kind === '' && node.get('multiBackupRepos')?.isList) {
    into.push(new CrunchyValuesResource(part, node, '', 'CrunchyValues'));
    return;
  }
  if (isBucketPolicy(node)) {
    into.push(readBucketPolicy(part, node));
    return;
  }
  const reader = READERS.find((it) => it.kinds.includes(kind) && it.group.test(apiVersion));
  if (reader) into.push(reader.read(part, node, apiVersion, kind));
  else if (WORKLOADS.some((it) => it.kinds.includes(kind) && it.group.test(apiVersion))) {
    into.push(readWorkload(part, node, apiVersion, kind));
  }
}

function isKustomization(part: Part, node: YamlNode, kind: string, apiVersion: string): boolean {
  if (kind === 'Kustomization' || kind === 'Component')
    return apiVersion.startsWith('kustomize.config.k8s.io/') || apiVersion === '';
  return kind === '' && /\/kustomization\.ya?ml$|\/Kustomization$/.test(part.uri) && node.isMap;
}
