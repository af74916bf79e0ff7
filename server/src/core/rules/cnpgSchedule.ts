import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-schedule',
  summary: 'A schedule of CloudNativePG has six fields, seconds first.',
  why: 'Everywhere else in Kubernetes a schedule has five fields; here the first is the SECOND and the last may be left out, so five are taken without more than a warning of the webhook: "0 2 * * *" means minute 2 of every hour, "50 * * * *" means every minute. Any other number of fields is refused.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N12'],
  kinds: ['CnpgBackup'],
  bad: fixture`
    apiVersion: postgresql.cnpg.io/v1
    kind: ScheduledBackup
    metadata: {name: daily, namespace: db}
    spec:
      schedule: "0 2 * * *"
                 ^^^^^^^^^ warning cnpg-schedule: five fields begin with seconds here: this is second 0 of minute 2 of every hour
      cluster: {name: main}
      method: plugin
      pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}
  `,
  good: fixture`
    #- /backup.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: ScheduledBackup
    metadata: {name: daily, namespace: db}
    spec:
      schedule: "0 0 2 * * *"
      cluster: {name: main}
      method: plugin
      pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}
    #- /cluster.yaml
    apiVersion: postgresql.cnpg.io/v1
    kind: Cluster
    metadata: {name: main, namespace: db}
    spec:
      instances: 3
      storage: {size: 1Gi}
      plugins:
        - name: barman-cloud.cloudnative-pg.io
          isWALArchiver: true
          parameters: {barmanObjectName: store}
    #- /store.yaml
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
  `,
  check(backup, { report }) {
    const schedule = backup.node.get('spec.schedule');
    const text = schedule?.text?.trim();
    if (!schedule || !text || isOpaque(text) || text.startsWith('@')) return;
    const place = schedule.mapped?.isExact ? schedule.mapped.place(0, schedule.mapped.text.length) : schedule.place;
    const fields = text.replace(/^(?:CRON_)?TZ=\S+\s+/, '').split(/\s+/);
    if (fields.length === 6) return;
    if (fields.length !== 5) {
      report(place, `a schedule has six fields, seconds first; this one has ${fields.length}`, { severity: 'error' });
      return;
    }
    report(place, `five fields begin with seconds here: this is ${meaning(fields)}`, {
      fix: fix('Put 0 seconds in front', replaceValue(schedule, JSON.stringify(`0 ${text}`))),
    });
  },
});

/** What the operator makes of five fields: second, minute, hour, day and month. */
function meaning([second = '', minute = '', hour = '', day = '', month = '']: string[]): string {
  const at = (field: string, unit: string) =>
    field === '*' ? `every ${unit}` : /^\d+$/.test(field) ? `${unit} ${Number(field)}` : `${unit}s ${field}`;
  const parts = [at(second, 'second')];
  const rest: [string, string][] = [
    [minute, 'minute'],
    [hour, 'hour'],
    [day, 'day'],
    [month, 'month'],
  ];
  // Behind the last field that says something, every one is meant.
  const last = rest.findLastIndex(([field]) => field !== '*');
  for (const [field, unit] of rest.slice(0, last + 2)) parts.push(at(field, unit));
  return parts.join(' of ');
}
