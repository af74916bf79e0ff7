import { KEY_TRANSFORMS, type KeyTransform, sodiumKeyProblem } from '../keys/sodiumKey.ts';
import { addVariable, isPodEnvironment, podEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-sodium-key',
  summary: 'The libsodium key is what WALG_LIBSODIUM_KEY_TRANSFORM makes 32 bytes of.',
  why: 'Without a transform WAL-G takes the text itself: of 64 hex digits the first 32 characters are the key, which is weaker and another one than was meant. With a transform that does not fit it refuses the key, and no WAL is archived.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z5'],
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
      WALG_LIBSODIUM_KEY: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
                          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning zalando-sodium-key: the key is 64 hex digits, but WALG_LIBSODIUM_KEY_TRANSFORM is none: WAL-G takes its first 32 characters as the key
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
    const own = variablesOf(owner, query);
    for (const key of own) {
      const prefix = /^(CLONE_|STANDBY_)?WALG_LIBSODIUM_KEY$/.exec(key.name)?.[1] ?? '';
      if (!/^(?:CLONE_|STANDBY_)?WALG_LIBSODIUM_KEY$/.test(key.name) || key.text === undefined) continue;
      const name = `${prefix}WALG_LIBSODIUM_KEY_TRANSFORM`;
      const { variables, isWhole } = podEnvironment(owner, query);
      const setting = own.find((it) => it.name === name) ?? variables.find((it) => it.name === name);
      const transform = setting ? setting.text?.trim() || 'none' : 'none';
      if (setting && setting.text === undefined) continue;
      // envdir hands on the first line, without blanks at its end.
      const text = key.text.split('\n')[0]!.trimEnd();
      if (!isTransform(transform)) {
        report(setting!.valuePlace, `${name} must be base64, hex or none; WAL-G stops at anything else`);
        continue;
      }
      if (text === '') {
        report(key.keyPlace, `${key.name} is empty: WAL-G does not encrypt`);
        continue;
      }
      const problem = sodiumKeyProblem(text, transform);
      if (!problem) continue;
      // The transform may be set where nobody can see it here.
      const isSure = setting !== undefined || isWhole;
      const change = problem.transform;
      report(key.valuePlace, problem.message.replaceAll('keyTransform', name), {
        severity: problem.effect === 'refused' && isSure ? 'error' : 'warning',
        fixes: [
          problem.newText !== undefined && problem.cure ? fix(problem.cure, key.set(problem.newText)) : undefined,
          change && change !== transform
            ? fix(`Set ${name}: ${change}`, setting ? setting.set(change) : addVariable(key, name, change))
            : undefined,
        ],
      });
    }
  },
});

function isTransform(text: string): text is KeyTransform {
  return (KEY_TRANSFORMS as readonly string[]).includes(text);
}
