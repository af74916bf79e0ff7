import { isPodEnvironment } from '../queries/podEnvironment.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-operator-setting',
  summary: 'The environment of Pods holds variables, not settings of the operator.',
  why: 'Settings such as wal_s3_bucket are read from the operator’s own configuration. In the environment of Pods they are variables that nobody reads: nothing is archived.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z7'],
  kinds: ['ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
      kube_iam_role: backups
      ^^^^^^^^^^^^^ warning zalando-operator-setting: kube_iam_role is a setting of the operator (aws_or_gcp), and no variable that Spilo reads
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
  check(map, { report, query }) {
    // The operator's own ConfigMap has these settings by right.
    if (map.entry('pod_environment_configmap') || map.entry('docker_image') || !isPodEnvironment(map, query)) return;
    for (const entry of map.entries) {
      const variable = SETTINGS[entry.name];
      if (variable === undefined) continue;
      const key = entry.node?.key;
      const instead = variable && !map.entry(variable) ? variable : undefined;
      report(
        entry.keyPlace,
        `${entry.name} is a setting of the operator (aws_or_gcp), and no variable that Spilo reads${instead ? `: that is ${instead}` : ''}`,
        { fix: instead && key ? fix(`Rename to ${instead}`, [{ at: key.place, newText: instead }]) : undefined },
      );
    }
  },
});

/** Settings with the variable of Spilo that means the same; '' where there is none. */
const SETTINGS: Record<string, string> = {
  wal_s3_bucket: 'WAL_S3_BUCKET',
  wal_gs_bucket: 'WAL_GS_BUCKET',
  aws_region: 'AWS_REGION',
  wal_az_storage_account: '',
  kube_iam_role: '',
  irsa_role_arn: '',
  gcp_credentials: '',
  additional_secret_mount: '',
  additional_secret_mount_path: '',
};
