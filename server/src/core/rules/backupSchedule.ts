import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-schedule',
  summary: 'The schedule of a repository is a cron line of five fields.',
  why: 'Percona writes a line into the log of the operator and makes no schedule; the CronJob that Crunchy makes is refused by the API server. In both cases there is simply no backup. There are no seconds: a sixth field is one too many.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P58'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              schedules: {full: 0 0 2 * * *}
                                ^^^^^^^^^^^ error backup-schedule: a schedule has five fields, minutes first, and this has 6
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              schedules: {full: 0 2 * * *}
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report }) {
    for (const repo of cluster.own?.repos ?? []) {
      for (const node of repo.node.get('schedules')?.entries() ?? []) {
        const text = node.text?.trim() ?? '';
        if (text === '' || isOpaque(text) || /^(?:CRON_)?TZ=/.test(text)) continue;
        const mapped = node.mapped;
        const at = mapped ? mapped.place(0, mapped.text.length) : node.place;
        if (/^@(?:every)\b/.test(text)) {
          report(at, 'a schedule has five fields: @every is not one of them');
        } else if (!text.startsWith('@')) {
          const fields = text.split(/\s+/);
          if (fields.length === 5) continue;
          const isSeconds = fields.length === 6 && /^0+$/.test(fields[0]!);
          report(at, `a schedule has five fields, minutes first, and this has ${fields.length}`, {
            fix: isSeconds ? fix('Remove the seconds', [{ at, newText: fields.slice(1).join(' ') }]) : undefined,
          });
        }
      }
    }
  },
});
