import { environmentSettings } from '../queries/podEnvironment.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-secret-namespace',
  summary: 'The Secret with the environment of all Pods is in the namespace of every cluster.',
  why: 'pod_environment_secret is a name without namespace: the operator looks for it beside each cluster, and where it is not there the sync of that cluster fails with "could not read Secret PodEnvironmentSecretName".',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z6'],
  kinds: ['ZalandoCluster', 'ZalandoOperator', 'ConfigMap'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: acid.zalan.do/v1
    kind: postgresql
    metadata: {name: team-main, namespace: shop}
                     ^^^^^^^^^ warning zalando-secret-namespace: the operator wants Secret pod-secret in namespace shop, and it is only in db
    spec:
      teamId: team
      numberOfInstances: 2
      postgresql: {version: "16"}
      volume: {size: 1Gi}
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
  check(resource, { report, query }) {
    if (resource.kind !== 'ZalandoCluster') {
      if (resource.kind === 'ConfigMap' && !resource.entry('pod_environment_secret')) return;
      const settings = environmentSettings(query).filter((it) => it.at.part === resource.part);
      for (const it of settings) {
        if (it.kind === 'secret' && it.text.includes('/'))
          report(it.at, 'pod_environment_secret is a plain name; the Secret is looked for beside each cluster', {
            severity: 'error',
          });
      }
      return;
    }
    const { namespace } = resource;
    if (!namespace) return;
    for (const { kind, text: name } of environmentSettings(query)) {
      if (kind !== 'secret' || name.includes('/')) continue;
      const all = query.definitionsOf({ kind: 'secret', name });
      if (all.length === 0 || query.definitionsOf({ kind: 'secret', name, namespace }).length > 0) continue;
      const where = [...new Set(all.map((it) => it.symbol.namespace))].join(', ');
      report(
        resource.namePlace,
        `the operator wants Secret ${name} in namespace ${namespace}, and it is only in ${where}`,
        { related: [{ at: all[0]!.at, message: `Secret ${name}` }] },
      );
    }
  },
});
