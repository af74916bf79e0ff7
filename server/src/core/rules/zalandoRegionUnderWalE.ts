import { addVariable, isPodEnvironment, podEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-region-under-wal-e',
  summary: 'A store with an endpoint of its own is used with WAL-G where AWS_REGION is needed.',
  why: 'WAL-E fails with an endpoint and a region together, so Spilo drops AWS_REGION there: only with USE_WALG_BACKUP it is handed on.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z11'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      AWS_ENDPOINT: https://s3.example.org
      AWS_REGION: eu-central-1
      ^^^^^^^^^^ warning zalando-region-under-wal-e: with AWS_ENDPOINT the region counts only if USE_WALG_BACKUP is "true"
  `,
  good: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
      AWS_ENDPOINT: https://s3.example.org
      AWS_REGION: eu-central-1
  `,
  check(owner, { report, query }) {
    if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return;
    const region = variablesOf(owner, query).find((it) => it.name === 'AWS_REGION');
    if (!region?.text) return;
    const { variables } = podEnvironment(owner, query);
    const endpoint = variables.find((it) => /^(?:AWS_ENDPOINT|WALE_S3_ENDPOINT)$/.test(it.name) && it.text !== '');
    const isS3 = variables.some((it) => /^(?:WAL_S3_BUCKET|WAL[EG]_S3_PREFIX)$/.test(it.name));
    const switches = variables.filter((it) => it.name === 'USE_WALG_BACKUP');
    if (!endpoint || !isS3 || switches.some((it) => it.text === undefined || it.text === 'true')) return;
    report(region.keyPlace, `with ${endpoint.name} the region counts only if USE_WALG_BACKUP is "true"`, {
      fix:
        switches.length === 0
          ? fix('Add USE_WALG_BACKUP: "true"', addVariable(region, 'USE_WALG_BACKUP', 'true'))
          : undefined,
    });
  },
});
