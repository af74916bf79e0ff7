import { isOpaque } from '../opaque.ts';
import type { Resource } from '../resource.ts';
import { StackGresClusterResource } from '../resources/stackgres.ts';
import { fixture, rule } from '../rule.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'shared-backup-path',
  summary: 'Every cluster writes to a path of its own.',
  why: 'Two histories of WAL mix in one folder, and the retention of each cluster deletes base backups that it has no SGBackup of: those of the other.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G75'],
  kinds: ['SGCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 1 * * *
            path: prod/pg
                  ^^^^^^^ error shared-backup-path: SGCluster db/other writes to the same path of SGObjectStorage backups: each deletes the base backups of the other
    #- /other.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: other, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 2 * * *
            path: prod/pg
                  ^^^^^^^ error shared-backup-path: SGCluster db/main writes to the same path of SGObjectStorage backups: each deletes the base backups of the other
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: stackgres.io/v1
    kind: SGCluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 1
      configurations:
        backups:
          - sgObjectStorage: backups
            cronSchedule: 0 1 * * *
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
  `,
  check(cluster, { report, query }) {
    const mine = writtenPath(cluster);
    if (!mine || cluster.namespace === undefined || cluster.name === '') return;
    const others = query
      .fromResources(['SGCluster'], 'by written path', byWrittenPath)
      .get(placeOf(cluster, mine))
      ?.filter((it) => it.name !== cluster.name);
    for (const other of others?.slice(0, mostNamed) ?? []) {
      report(
        mine.node.usePlace,
        `${other.title} writes to the same path of SGObjectStorage ${mine.storage}: each deletes the base backups of the other`,
        { related: [{ at: writtenPath(other)!.node.usePlace, message: `path of ${other.title}` }] },
      );
    }
  },
});

/** Of a hundred clusters on one path, each is told a few others: the cure is the same. */
const mostNamed = 5;

interface WrittenPath {
  node: YamlNode;
  path: string;
  storage: string;
}

function byWrittenPath(clusters: readonly Resource[]): Map<string, StackGresClusterResource[]> {
  const found = new Map<string, StackGresClusterResource[]>();
  for (const it of clusters) {
    const written = it instanceof StackGresClusterResource && writtenPath(it);
    if (!written) continue;
    const place = placeOf(it, written);
    const beside = found.get(place);
    if (beside) beside.push(it);
    else found.set(place, [it]);
  }
  return found;
}

function placeOf(cluster: StackGresClusterResource, { path, storage }: WrittenPath): string {
  return JSON.stringify([cluster.namespace, storage, path]);
}

function writtenPath(cluster: StackGresClusterResource): WrittenPath | undefined {
  const node = cluster.backups[0]?.get('path');
  const storage = cluster.backups[0]?.textAt('sgObjectStorage');
  if (!node?.text || !storage || isOpaque(node.text) || isOpaque(storage)) return undefined;
  return { node, path: node.text.replace(/^\/+|\/+$/g, ''), storage };
}
