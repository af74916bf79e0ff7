import { isPodEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-key-lines',
  summary: 'An OpenPGP key in a variable stands on one line.',
  why: 'envdir hands on only the first line of a variable: of an armored key that is its header, and every push fails. WAL-G takes the two characters \\n for a line break; or the key is mounted and WALG_PGP_KEY_PATH names its file.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z4'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
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
      WALG_PGP_KEY: |
        -----BEGIN PGP PRIVATE KEY BLOCK-----
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error zalando-key-lines: only the first line of WALG_PGP_KEY reaches WAL-G: join its 3 lines with \n
        ...
        -----END PGP PRIVATE KEY BLOCK-----
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
      if (!/^(?:(?:CLONE|STANDBY)_)?WALG_PGP_KEY$/.test(it.name)) continue;
      // A key that a renderer fills in is judged by its visible lines.
      const lines = (it.text ?? it.entry?.text?.text ?? '').trim().split('\n');
      if (lines.length < 2) continue;
      report(
        it.valuePlace,
        `only the first line of ${it.name} reaches WAL-G: join its ${lines.length} lines with \\n`,
        { fix: it.text === undefined ? undefined : fix('Join the lines with \\n', it.set(lines.join('\\n'))) },
      );
    }
  },
});
