import type { Severity } from '../finding.ts';
import { exampleExpiredKey, examplePrivateKey, indented } from '../keys/exampleKeys.ts';
import type { OpenpgpKeyFacts } from '../keys/openpgp.ts';
import { openpgpKeyOf } from '../queries/openpgpKey.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'openpgp-key-cannot-encrypt',
  summary: 'Backups can be encrypted to every key of the block, today and tomorrow.',
  why: 'WAL-G encrypts to every key of the block. When one is expired, revoked or only for signing, every push fails with "no valid encryption keys": nothing is archived, and the disk of the database fills up with WAL. An expired key can still read old backups.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'StackGres',
  catalogue: ['G50', 'pains P83'],
  kinds: ['SGObjectStorage'],
  bad: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: |
      ^^^^^^^^^^^ error openpgp-key-cannot-encrypt: the key has expired: WAL-G can no longer encrypt with it
        ${indented(exampleExpiredKey(), 8)}
      passphrase: ""
  `,
  good: fixture`
    #- /storage.yaml
    apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: openpgp
        openpgp:
          key: {name: backup-key, key: private.asc}
          keyPassphrase: {name: backup-key, key: passphrase}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      private.asc: |
        ${indented(examplePrivateKey(), 8)}
      passphrase: ""
  `,
  check(storage, context) {
    const key = openpgpKeyOf(storage, context);
    const examination = key?.examination;
    if (!key || !examination) return;
    const isAlone = examination.keys.length === 1;
    for (const [i, it] of examination.keys.entries()) {
      const which = isAlone ? 'the key' : `key ${i + 1} of ${examination.keys.length}`;
      const severity = it.encryption === 'possible' ? soon(it.encryptsUntil, examination.examinedAt) : 'error';
      if (!severity) continue;
      const end = it.encryptsUntil === undefined ? '' : new Date(it.encryptsUntil).toISOString().slice(0, 10);
      context.report(key.entry.keyPlace, `${which} ${SAYS[it.encryption].replace('DATE', end)}`, {
        severity,
        related: [
          { at: storage.selector('encryption.openpgp.key')!.node.place, message: `${storage.title} uses this key` },
        ],
      });
    }
  },
});

const SAYS: Record<OpenpgpKeyFacts['encryption'], string> = {
  possible: 'expires on DATE: from then on nothing is archived',
  none: 'has no part that is meant for encryption: WAL-G cannot encrypt with it',
  expired: 'has expired: WAL-G can no longer encrypt with it',
  'not-yet': 'is dated in the future: WAL-G cannot encrypt with it yet',
  revoked: 'is revoked: WAL-G cannot encrypt with it',
};

const dayMs = 86_400_000;
const warnDays = 60;

/** A key that ends is worth a word always, and a warning when it is time to act. */
function soon(until: number | undefined, now: number): Severity | undefined {
  if (until === undefined) return undefined;
  return until - now < warnDays * dayMs ? 'warning' : 'information';
}
