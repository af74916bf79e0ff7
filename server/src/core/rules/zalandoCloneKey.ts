import { podEnvironment } from '../queries/podEnvironment.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-clone-key',
  summary: 'A clone or standby that reads encrypted backups has their key, under names of its own.',
  why: 'Clone and standby read only variables that begin with CLONE_ and STANDBY_: without the key under that name WAL-G takes the encrypted files for compressed ones and fails with "lz4: bad magic number".',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z3'],
  kinds: ['ZalandoCluster'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: acid.zalan.do/v1
    kind: postgresql
    metadata: {name: team-main, namespace: db}
    spec:
      teamId: team
      numberOfInstances: 2
      postgresql: {version: "16"}
      volume: {size: 1Gi}
      clone:
      ^^^^^ warning zalando-clone-key: backups are encrypted with WALG_LIBSODIUM_KEY, and CLONE_WALG_LIBSODIUM_KEY for reading them is not set
        cluster: team-old
        uid: 0c1e6a9e-52a5-4a3c-8d27-2f1c6a0f8a11
        timestamp: "2026-01-31T08:00:00+00:00"
    #- /operator.yaml
    apiVersion: acid.zalan.do/v1
    kind: OperatorConfiguration
    metadata: {name: operator, namespace: db}
    configuration:
      kubernetes:
        pod_environment_configmap: db/pod-config
        pod_environment_secret: pod-secret
    #- /config.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: pod-secret, namespace: db}
    stringData:
      WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      WALG_LIBSODIUM_KEY_TRANSFORM: hex
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: acid.zalan.do/v1
    kind: postgresql
    metadata: {name: team-main, namespace: db}
    spec:
      teamId: team
      numberOfInstances: 2
      postgresql: {version: "16"}
      volume: {size: 1Gi}
      clone:
        cluster: team-old
        uid: 0c1e6a9e-52a5-4a3c-8d27-2f1c6a0f8a11
        timestamp: "2026-01-31T08:00:00+00:00"
    #- /operator.yaml
    apiVersion: acid.zalan.do/v1
    kind: OperatorConfiguration
    metadata: {name: operator, namespace: db}
    configuration:
      kubernetes:
        pod_environment_configmap: db/pod-config
        pod_environment_secret: pod-secret
    #- /config.yaml
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: pod-secret, namespace: db}
    stringData:
      WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      WALG_LIBSODIUM_KEY_TRANSFORM: hex
      CLONE_WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      CLONE_WALG_LIBSODIUM_KEY_TRANSFORM: hex
  `,
  check(cluster, { report, query }) {
    const clone = cluster.node.get('spec.clone');
    const standby = cluster.node.get('spec.standby');
    const uses = [
      // Without a timestamp the clone is copied from the running cluster.
      clone?.get('timestamp')?.text ? { node: clone, prefix: 'CLONE_' } : undefined,
      standby?.get('s3_wal_path')?.text || standby?.get('gs_wal_path')?.text
        ? { node: standby, prefix: 'STANDBY_' }
        : undefined,
    ].filter((it) => it !== undefined);
    if (uses.length === 0) return;
    const { variables, isWhole } = podEnvironment(cluster, query);
    const has = (name: string) => variables.some((it) => it.name === name);
    for (const { node, prefix } of uses) {
      for (const key of ['WALG_LIBSODIUM_KEY', 'WALG_PGP_KEY']) {
        const own = variables.find((it) => it.name === key || it.name === `${key}_PATH`);
        if (!own || has(`${prefix}${key}`) || has(`${prefix}${key}_PATH`)) continue;
        report(
          node.keyPlace,
          `backups are encrypted with ${own.name}, and ${prefix}${own.name} for reading them is not set`,
          {
            severity: isWhole ? 'warning' : 'information',
            related: [{ at: own.keyPlace, message: 'the key for writing' }],
          },
        );
      }
    }
  },
});
