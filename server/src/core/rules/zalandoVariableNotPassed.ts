import { isPodEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-variable-not-passed',
  summary: 'Variables for WAL-G are ones that Spilo hands on.',
  why: 'Patroni starts archive_command with a nearly empty environment: only the variables on a list of Spilo reach WAL-G. Any other has no effect, without a word: what should encrypt does not.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z2', 'pains P43', 'pains P76'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
      WALG_GPG_KEY_ID: ops@example.org
      ^^^^^^^^^^^^^^^ error zalando-variable-not-passed: Spilo does not hand WALG_GPG_KEY_ID to WAL-G: nothing is encrypted by it; it does so with WALG_PGP_KEY and WALG_LIBSODIUM_KEY
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
  check(owner, { report, query }) {
    if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return;
    for (const it of variablesOf(owner, query)) {
      const bare = it.name.replace(/^(?:CLONE|STANDBY)_/, '');
      if (
        /^(?:WAL[EG]_GPG_KEY_ID|WALG_ENVELOPE_PGP_\w+|WALG_CSE_KMS_(?:ID|REGION)|WALG_S3_SSE_C|WALG_YC_\w+)$/.test(bare)
      )
        report(
          it.keyPlace,
          `Spilo does not hand ${it.name} to WAL-G: nothing is encrypted by it; it does so with WALG_PGP_KEY and WALG_LIBSODIUM_KEY`,
        );
      else if (/^(?:WALG_S3_STORAGE_CLASS|AWS_SESSION_TOKEN)$/.test(bare))
        report(it.keyPlace, `Spilo does not hand ${it.name} to WAL-G: it has no effect`, { severity: 'warning' });
    }
  },
});
