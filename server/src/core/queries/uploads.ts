/** What each tool sends when it puts a backup into an S3 bucket, and how its configuration can be made to send something else. */

import type { Fix } from '../finding.ts';
import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Place } from '../part.ts';
import type { Conf } from '../pgbackrest/conf.ts';
import type { Repository } from '../pgbackrest/repository.ts';
import type { CnpgClusterResource, CnpgObjectStoreResource } from '../resources/cnpg.ts';
import type { PostgresClusterResource } from '../resources/postgresCluster.ts';
import { setText } from '../resources/secret.ts';
import type { ObjectStorageResource } from '../resources/stackgres.ts';
import type { BackupLocationResource } from '../resources/stork.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';
import { locationSecrets, locationValue } from './backupLocation.ts';
import type { Upload } from './bucketPolicy.ts';
import { clusterConfiguration } from './clusterConfiguration.ts';
import { type EnvironmentOwner, isPodEnvironment, podEnvironment, variablesOf } from './podEnvironment.ts';

export interface PlannedUpload {
  upload: Upload;
  /** Where the bucket is named. */
  bucketAt: Place;
  /** Where the header is set; undefined where nothing sets it. */
  sseAt: Place | undefined;
  /** Where plain HTTP is chosen. */
  httpAt: Place | undefined;
  /** Who sends it, for messages: `this location`, `repo1`. */
  sender: string;
  /** What sets the header: the name of the field or option; for a tool that has none, why it cannot be sent. */
  cure(sse: 'AES256' | 'aws:kms' | undefined): { advice: string; fix?: Fix | undefined };
}

export function uploadsOfLocation(location: BackupLocationResource, query: Query): PlannedUpload[] {
  if (location.type !== 's3') return [];
  const path = locationValue(location, 'path', query);
  const sse = locationValue(location, 's3Config.sse', query);
  const http = locationValue(location, 's3Config.disableSSL', query);
  if (!path || path === 'unseen' || sse === 'unseen' || (sse && !isSse(sse.text))) return [];
  const isPlain = http !== undefined && http !== 'unseen' && /^(?:1|t|true)$/i.test(http.text);
  const block = location.location?.get('s3Config');
  return [
    {
      upload: { bucket: path.text, sse: sse ? (sse.text as 'AES256') : undefined, isTls: !isPlain },
      bucketAt: path.at,
      sseAt: sse?.at,
      httpAt: isPlain ? http.at : undefined,
      sender: 'this location',
      cure: (wanted) => {
        if (!wanted) return { advice: 'Stork can send AES256 or aws:kms with the default key, nothing else' };
        const edits = () => {
          if (sse?.node) return replaceValue(sse.node, wanted);
          if (sse?.entry) return setText(sse.entry, wanted);
          if (block?.isMap) return addEntry(block, 'sse', wanted);
          const stringData = locationSecrets(location, query)?.[0]?.node.get('stringData');
          return stringData?.isMap ? addEntry(stringData, 'sse', wanted) : undefined;
        };
        return { advice: `set sse: ${wanted}`, fix: fix(`Set sse: ${wanted}`, edits()) };
      },
    },
  ];
}

export function uploadsOfConf(conf: Conf): PlannedUpload[] {
  // An entry of a Secret or ConfigMap is read together with others: the cluster that mounts it is judged instead.
  if (conf.entry) return [];
  const views = [undefined, ...conf.stanzas].flatMap((stanza) => conf.repositories(stanza));
  const seen = new Set<Place>();
  return views
    .flatMap((it) => uploadOfRepository(it, undefined))
    .filter((it) => {
      const isNew = ![...seen].some((at) => at.start === it.bucketAt.start);
      seen.add(it.bucketAt);
      return isNew;
    });
}

export function uploadsOfCluster(cluster: PostgresClusterResource, query: Query): PlannedUpload[] {
  const scope = cluster.own;
  if (!scope) return [];
  const configuration = clusterConfiguration(cluster, scope, query);
  // What is not here may set the key.
  if (configuration.unseen.length > 0 || configuration.hasEnvironment) return [];
  const repositories = configuration.repositories();
  return scope.repos.flatMap((it): PlannedUpload[] => {
    const bucket = it.node.get('s3.bucket');
    if (!bucket?.text) return [];
    const repository = repositories.find((other) => other.name === it.name);
    return uploadOfRepository(repository, { name: it.name, bucket: bucket.text, at: bucket.usePlace });
  });
}

/** pgBackRest sends aws:kms with repoN-s3-kms-key-id, the headers of SSE-C, or none; there is no option for AES256. */
function uploadOfRepository(
  repository: Repository | undefined,
  declared: { name: string; bucket: string; at: Place } | undefined,
): PlannedUpload[] {
  const option = (name: string) => repository?.option(name);
  const bucket = option('s3-bucket');
  const name = declared?.name ?? repository?.name;
  const text = declared?.bucket ?? bucket?.value;
  const at = declared?.at ?? bucket?.valuePlace;
  if (!name || !text || !at || isOpaque(text) || (!declared && option('type')?.value !== 's3')) return [];
  const kms = option('s3-kms-key-id');
  const customer = option('s3-sse-customer-key');
  const sse = kms ? 'aws:kms' : customer ? 'sse-c' : undefined;
  return [
    {
      upload: { bucket: text, sse, kmsKeyId: kms?.value, isTls: true },
      bucketAt: at,
      sseAt: (kms ?? customer)?.keyPlace,
      httpAt: undefined,
      sender: name,
      cure: (wanted) => ({
        advice:
          wanted === 'AES256'
            ? 'pgBackRest cannot send AES256, only aws:kms or a customer key: the policy must change'
            : `set ${name}-s3-kms-key-id`,
      }),
    },
  ];
}

export function uploadsOfStorage(storage: ObjectStorageResource): PlannedUpload[] {
  return storage.sections.flatMap(({ type, node }): PlannedUpload[] => {
    const bucket = node.get('bucket');
    const text = bucket?.text;
    if ((type !== 's3' && type !== 's3Compatible') || !bucket || !text || isOpaque(text)) return [];
    const endpoint = node.get('endpoint');
    const isPlain = type === 's3Compatible' && /^http:/i.test(endpoint?.text ?? '');
    return [
      {
        upload: { bucket: text.replace(/^s3:\/\//, '').split('/')[0]!, sse: undefined, isTls: !isPlain },
        bucketAt: bucket.usePlace,
        sseAt: undefined,
        httpAt: isPlain ? endpoint?.usePlace : undefined,
        sender: 'this storage',
        cure: () => ({ advice: 'StackGres has no field for the header: the policy must change' }),
      },
    ];
  });
}

/**
 * What Spilo makes of its variables (configure_spilo.py, write_wale_environment): SSE-S3 by default, none with an endpoint of
 * its own, unless a variable says otherwise.
 */
export function uploadsOfEnvironment(owner: EnvironmentOwner, query: Query): PlannedUpload[] {
  if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return [];
  const bucket = variablesOf(owner, query).find((it) => it.name === 'WAL_S3_BUCKET');
  if (!bucket?.text) return [];
  const { variables, isWhole } = podEnvironment(owner, query);
  if (!isWhole) return [];
  const find = (name: string) => variables.find((it) => it.name === name);
  const [disabled, sse, endpoint, switched] = [
    find('WALG_DISABLE_S3_SSE') ?? find('WALE_DISABLE_S3_SSE'),
    find('WALG_S3_SSE'),
    find('AWS_ENDPOINT') ?? find('WALE_S3_ENDPOINT'),
    find('USE_WALG_BACKUP'),
  ];
  if ([disabled, sse, endpoint, switched].some((it) => it && it.text === undefined)) return [];
  const isOff = disabled?.text ? disabled.text === 'true' : Boolean(endpoint?.text);
  const chosen = switched?.text === 'true' && sse?.text ? sse.text : 'AES256';
  if (!isSse(chosen)) return [];
  const isPlain = /^http(?:\+path)?:/i.test(endpoint?.text ?? '');
  return [
    {
      upload: {
        bucket: bucket.text.trim(),
        sse: isOff ? undefined : (chosen as Upload['sse']),
        kmsKeyId: find('WALG_S3_SSE_KMS_ID')?.text,
        isTls: !isPlain,
      },
      bucketAt: bucket.valuePlace,
      sseAt: isOff ? undefined : sse?.keyPlace,
      httpAt: isPlain ? endpoint?.valuePlace : undefined,
      sender: 'Spilo',
      cure: (wanted) => {
        if (!wanted) return { advice: 'WALG_S3_SSE can be AES256 or aws:kms' };
        const parts = [
          ...(isOff ? ['WALG_DISABLE_S3_SSE: "false"'] : []),
          ...(chosen === wanted ? [] : [`WALG_S3_SSE: ${wanted}`]),
        ];
        return { advice: `set ${parts.join(' and ')}` };
      },
    },
  ];
}

/** WAL and base backups are uploaded by themselves, each with the header of its own section. */
export function uploadsOfStore(resource: CnpgClusterResource | CnpgObjectStoreResource): PlannedUpload[] {
  return resource.stores.flatMap(({ node, role }): PlannedUpload[] => {
    const path = node.get('destinationPath');
    const bucket = /^s3:\/\/([^/]+)/.exec(path?.text ?? '')?.[1];
    if (role === 'external' || !path || !bucket || isOpaque(bucket)) return [];
    const endpoint = node.get('endpointURL');
    const isPlain = /^http:/i.test(endpoint?.text ?? '');
    return (['wal', 'data'] as const).flatMap((section): PlannedUpload[] => {
      const map = node.get(section);
      const header = map?.get('encryption');
      const sse = header?.text || undefined;
      if (sse && !isSse(sse)) return [];
      const args = map?.get(section === 'wal' ? 'archiveAdditionalCommandArgs' : 'additionalCommandArgs');
      // A key, or the header itself, may come by an argument.
      if (args?.items().some((it) => /^(?:--sse|--encryption|-e\b)/.test(it.text ?? ''))) return [];
      return [
        {
          upload: { bucket, sse: sse as Upload['sse'], isTls: !isPlain },
          bucketAt: path.usePlace,
          sseAt: header?.place,
          httpAt: isPlain ? endpoint?.usePlace : undefined,
          sender: section === 'wal' ? 'the archiving of WAL' : 'a base backup',
          cure: (wanted) => {
            if (!wanted) return { advice: `${section}.encryption can be AES256 or aws:kms, nothing else` };
            const edits = header
              ? replaceValue(header, wanted)
              : map?.isMap
                ? addEntry(map, 'encryption', wanted)
                : map
                  ? undefined
                  : addEntry(node, section, `{encryption: ${plainOrQuoted(wanted)}}`);
            const advice = `set ${section}.encryption: ${wanted}`;
            return { advice, fix: fix(`Set ${section}.encryption: ${wanted}`, edits) };
          },
        },
      ];
    });
  });
}

function isSse(text: string): boolean {
  return text === 'AES256' || text === 'aws:kms';
}
