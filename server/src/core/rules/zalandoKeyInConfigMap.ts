import { isPodEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-key-in-config-map',
  summary: 'Keys for Pods come from a Secret, not from a ConfigMap.',
  why: 'Everybody who may read ConfigMaps of the namespace, or the repository of the manifests, can read the backups. The operator reads pod_environment_secret for what is secret.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z12', 'K16'],
  kinds: ['ConfigMap'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
      WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      ^^^^^^^^^^^^^^^^^^ warning zalando-key-in-config-map: WALG_LIBSODIUM_KEY stands in a ConfigMap in clear text: it belongs into the Secret named by pod_environment_secret
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
  check(map, { report, query }) {
    if (!map.entries.some((it) => SENSITIVE.test(it.name)) || !isPodEnvironment(map, query)) return;
    for (const it of variablesOf(map, query)) {
      if (!SENSITIVE.test(it.name) || !it.text) continue;
      report(
        it.keyPlace,
        `${it.name} stands in a ConfigMap in clear text: it belongs into the Secret named by pod_environment_secret`,
      );
    }
  },
});

const SENSITIVE =
  /^(?:(?:CLONE|STANDBY)_)?(?:WALG_LIBSODIUM_KEY|WALG_PGP_KEY|WALG_PGP_KEY_PASSPHRASE|AWS_SECRET_ACCESS_KEY|AZURE_STORAGE_ACCESS_KEY|AZURE_CLIENT_SECRET|SWIFT_PASSWORD)$/;
