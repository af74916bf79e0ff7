import { addVariable, isPodEnvironment, podEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-sse-off',
  summary: 'Server-side encryption is not switched off by the endpoint.',
  why: 'With AWS_ENDPOINT or WALE_S3_ENDPOINT Spilo takes the store for one that knows no encryption and sets WALG_DISABLE_S3_SSE to true: WALG_S3_SSE has no effect any more, without a word, and a bucket whose policy wants the header refuses every upload. Any text in WALG_DISABLE_S3_SSE keeps Spilo from it.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z10'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
      AWS_ENDPOINT: https://s3.example.org
      WALG_S3_SSE: AES256
      ^^^^^^^^^^^ warning zalando-sse-off: AWS_ENDPOINT switches this off, unless WALG_DISABLE_S3_SSE: "false" is set too
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
      WALG_S3_SSE: AES256
      WALG_DISABLE_S3_SSE: "false"
  `,
  check(owner, { report, query }) {
    if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return;
    for (const it of variablesOf(owner, query)) {
      const [, prefix = '', name] =
        /^(CLONE_|STANDBY_)?(WALG_S3_SSE|AWS_ENDPOINT|WALE_S3_ENDPOINT)$/.exec(it.name) ?? [];
      if (name === undefined || it.text === '') continue;
      const { variables } = podEnvironment(owner, query);
      const find = (other: string) => variables.find((variable) => variable.name === `${prefix}${other}`);
      if (find('WALG_DISABLE_S3_SSE') || find('WALE_DISABLE_S3_SSE')) continue;
      const cure = fix(
        `Add ${prefix}WALG_DISABLE_S3_SSE: "false"`,
        addVariable(it, `${prefix}WALG_DISABLE_S3_SSE`, 'false'),
      );
      if (name === 'WALG_S3_SSE') {
        const endpoint = find('AWS_ENDPOINT') ?? find('WALE_S3_ENDPOINT');
        if (!endpoint || endpoint.text === '') continue;
        report(
          it.keyPlace,
          `${endpoint.name} switches this off, unless ${prefix}WALG_DISABLE_S3_SSE: "false" is set too`,
          { fix: cure, related: [{ at: endpoint.keyPlace, message: 'the endpoint' }] },
        );
      } else if (!find('WALG_S3_SSE') && /\.amazonaws\.com(?:[:/]|$)/.test(it.text ?? '')) {
        report(
          it.keyPlace,
          `AWS needs no ${it.name}, and it switches the server-side encryption off that Spilo asks for there`,
          { severity: 'information', fix: cure },
        );
      }
    }
  },
});
