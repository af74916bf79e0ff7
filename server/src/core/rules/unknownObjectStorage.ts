import { nearestName } from '../nearest.ts';
import { isOpaque } from '../opaque.ts';
import { isSameNamespace } from '../queries/selectedEntry.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unknown-object-storage',
  summary: 'The SGObjectStorage that a cluster names is in its namespace.',
  why: 'The operator stops with "SGObjectStorage … not found" (up to 1.15 its webhook refuses the cluster): the cluster is no longer reconciled, a new one gets no Pods.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G29', 'G30'],
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
          - sgObjectStorage: backup
                             ^^^^^^ warning unknown-object-storage: no manifest of SGObjectStorage backup is in the workspace; SGObjectStorage db/backups is
            cronSchedule: 0 1 * * *
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
    for (const reference of cluster.facts) {
      if (reference.role !== 'reference' || reference.symbol.kind !== 'objectStorage') continue;
      const { name } = reference.symbol;
      // An empty name is the schema's to report.
      if (name === '' || isOpaque(name) || query.definitionsOf(reference.symbol).length > 0) continue;
      const storages = query.resources('SGObjectStorage');
      const elsewhere = storages.find((it) => it.name === name);
      if (elsewhere) {
        report(
          reference.at,
          `SGObjectStorage ${name} is in namespace ${elsewhere.namespace}, and must be in ${cluster.namespace}, beside ${cluster.manifestKind} ${cluster.name}`,
          { severity: 'warning', related: [{ at: elsewhere.namePlace, message: elsewhere.title }] },
        );
        continue;
      }
      const beside = storages.filter((it) => it.name !== '' && isSameNamespace(it, cluster));
      const near = nearestName(
        beside.map((it) => it.name),
        name,
      );
      const nearStorage = beside.find((it) => it.name === near);
      if (!nearStorage) {
        report(reference.at, `no manifest of SGObjectStorage ${name} is in the workspace`);
        continue;
      }
      report(reference.at, `no manifest of SGObjectStorage ${name} is in the workspace; ${nearStorage.title} is`, {
        severity: 'warning',
        fix: fix(`Change to ${nearStorage.name}`, [{ at: reference.at, newText: nearStorage.name }]),
        related: [{ at: nearStorage.namePlace, message: nearStorage.title }],
      });
    }
  },
});
