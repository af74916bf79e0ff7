import { addVariable, isPodEnvironment, podEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-bucket-scope',
  summary: 'WAL_S3_BUCKET of Pods comes with WAL_BUCKET_SCOPE_PREFIX.',
  why: 'Spilo builds the path of backups from both. When the bucket comes by the environment of Pods, the operator does not set the prefix for them but does for clones: the backups are not found on restore. An empty text is right.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z9'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      ^^^^^^^^^^^^^ warning zalando-bucket-scope: WAL_BUCKET_SCOPE_PREFIX is missing beside it: backups are not found on restore
      USE_WALG_BACKUP: "true"
  `,
  good: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
  `,
  check(owner, { report, query }) {
    if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return;
    const bucket = variablesOf(owner, query).find((it) => it.name === 'WAL_S3_BUCKET');
    if (!bucket) return;
    const { variables } = podEnvironment(owner, query);
    if (variables.some((it) => /^(?:WAL_BUCKET_SCOPE_PREFIX|WAL[EG]_S3_PREFIX)$/.test(it.name))) return;
    report(bucket.keyPlace, 'WAL_BUCKET_SCOPE_PREFIX is missing beside it: backups are not found on restore', {
      fix: fix('Add an empty WAL_BUCKET_SCOPE_PREFIX', addVariable(bucket, 'WAL_BUCKET_SCOPE_PREFIX', '')),
    });
  },
});
