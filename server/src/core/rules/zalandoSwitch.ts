import { isPodEnvironment, variablesOf } from '../queries/podEnvironment.ts';
import { ZalandoClusterResource } from '../resources/zalando.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'zalando-switch',
  summary: 'USE_WALG_BACKUP and USE_WALG_RESTORE are true or false, in small letters.',
  why: 'Spilo compares the text with "true": True, yes, 1 or a slip of the pen mean WAL-E, which neither encrypts with nor reads what the variables of WAL-G say.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Zalando',
  catalogue: ['Z1'],
  kinds: ['ConfigMap', 'Secret', 'ZalandoCluster'],
  bad: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "ture"
                        ^^^^ warning zalando-switch: USE_WALG_BACKUP counts only as "true": this means no
  `,
  good: fixture`
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: pod-config, namespace: db}
    data:
      WAL_S3_BUCKET: backups
      WAL_BUCKET_SCOPE_PREFIX: ""
      USE_WALG_BACKUP: "true"
  `,
  check(owner, { report, query }) {
    if (!(owner instanceof ZalandoClusterResource) && !isPodEnvironment(owner, query)) return;
    for (const it of variablesOf(owner, query)) {
      if (!/^(?:(?:CLONE|STANDBY)_)?USE_WALG_(?:BACKUP|RESTORE)$/.test(it.name) || it.text === undefined) continue;
      if (/^(?:true|false|)$/.test(it.text)) continue;
      const isNo = /^(?:no|off|0|false|n|f)$/i.test(it.text.trim());
      if (isNo) continue;
      report(it.valuePlace, `${it.name} counts only as "true": this means no`, {
        fix: fix('Change to true', it.set('true')),
      });
    }
  },
});
