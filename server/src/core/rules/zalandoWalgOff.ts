import { addVariable, isPodEnvironment, KEY, podEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-walg-off',
  summary: 'Where WAL-G has a key, WAL-G makes the backups.',
  why: 'Spilo makes backups to S3 with WAL-E unless USE_WALG_BACKUP is exactly true, and WAL-E knows none of the variables that begin with WALG_: backups and WAL are stored in plain text, without a word.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z1'],
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
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: pod-secret, namespace: db}
    stringData:
      WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      ^^^^^^^^^^^^^^^^^^ error zalando-walg-off: backups are not encrypted: without USE_WALG_BACKUP: "true" WAL-E makes them, which does not know this key
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
  check(owner, { report, query }) {
    const keys = owner instanceof ZalandoClusterResource || isPodEnvironment(owner, query) ? ownKeys(owner, query) : [];
    if (keys.length === 0) return;
    const environment = podEnvironment(owner, query);
    const all = environment.variables;
    // Only S3 has the choice: the other stores are WAL-G's.
    if (all.some((it) => /^(?:WAL_GC?S_BUCKET|WAL[EG]_GC?S_PREFIX|WALG_AZ_PREFIX|WALG_SSH_PREFIX)$/.test(it.name)))
      return;
    const switches = all.filter((it) => it.name === 'USE_WALG_BACKUP');
    if (switches.some((it) => it.text === undefined || it.text === 'true')) return;
    const given = switches[0];
    for (const key of keys) {
      const reason = given
        ? `USE_WALG_BACKUP is not exactly "true", so WAL-E makes them, which does not know this key`
        : 'without USE_WALG_BACKUP: "true" WAL-E makes them, which does not know this key';
      report(key.keyPlace, `backups are not encrypted: ${reason}`, {
        severity: environment.isWhole || given ? 'error' : 'warning',
        fix: given
          ? fix('Set USE_WALG_BACKUP to true', given.set('true'))
          : fix('Add USE_WALG_BACKUP: "true"', addVariable(key, 'USE_WALG_BACKUP', 'true')),
        related: given ? [{ at: given.keyPlace, message: 'here' }] : [],
      });
    }
  },
});

/** Keys for the cluster's own backups, not those for reading another one's. */
function ownKeys(owner: Parameters<typeof variablesOf>[0], query: Parameters<typeof variablesOf>[1]) {
  return variablesOf(owner, query).filter((it) => KEY.test(it.name) && !/^(?:CLONE|STANDBY)_/.test(it.name));
}
