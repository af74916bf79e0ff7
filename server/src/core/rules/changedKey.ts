import { committedOwner } from '../queries/committed.ts';
import { encryptsFor, isSameValue } from '../queries/encryptionKeys.ts';
import { newStorage } from '../queries/newStorage.ts';
import { setText } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';

const KEY = '3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded';
const NEW = '91d0c1a5ef84726b3310aa9f5e6d7c8b02f4e5a6978812cdef0346578a9bbccd';

const storage = `apiVersion: stackgres.io/v1beta1
    kind: SGObjectStorage
    metadata: {name: backups, namespace: db}
    spec:
      type: gcs
      gcs: {bucket: backups, gcpCredentials: {fetchCredentialsFromMetadataService: true}}
      encryption:
        method: sodium
        sodium:
          key: {name: backup-key, key: key}
          keyTransform: hex`;

export default rule({
  id: 'changed-key',
  summary: 'The key that backups were made with stays under its name.',
  why: 'The key is asked for by the name of its Secret each time, and nothing records which key made which object. With another value new WAL is encrypted with the new key, and every base backup and WAL file made before can no longer be read, while all of them still count as completed. A new key goes into a new Secret, and StackGres gets a new SGObjectStorage for it; the old ones stay until their backups have expired. This compares with what is committed, and cannot see whether a backup was ever made.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: ['G70', 'pains P08'],
  kinds: ['Secret', 'ConfigMap'],
  committed: fixture`
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: ${KEY}
  `,
  bad: fixture`
    #- /storage.yaml
    ${storage}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: ${NEW}
      ^^^ error changed-key: key is not the committed one: backups of SGObjectStorage db/backups that were made with it can no longer be read
  `,
  good: fixture`
    #- /storage.yaml
    ${storage}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key, namespace: db}
    stringData:
      key: ${KEY}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: backup-key-2, namespace: db}
    stringData:
      key: ${NEW}
  `,
  check(owner, { report, query, history }) {
    const past = committedOwner(owner, history.before);
    if (!past || owner.name === '') return;
    for (const name of new Set(past.entries.map((it) => it.name))) {
      const old = past.entry(name);
      const now = owner.entry(name);
      if (!old || old.isOpaque || (!old.text && !old.bytes) || now?.isOpaque || now?.problem) continue;
      if (now && isSameValue(old, now)) continue;
      // An empty key is told by other rules, and an empty one that is filled was none.
      if (old.text?.text.trim() === '' || now?.text?.text.trim() === '') continue;
      const users = encryptsFor(owner, name, query);
      if (!users) continue;
      const whose = users.length > 0 ? `backups of ${users.map((it) => it.title).join(' and ')}` : 'backups';
      const related = users.map((it) => ({ at: it.namePlace, message: `${it.title} encrypts with it` }));
      if (!now) {
        // Who names the entry is told by unknown-secret-entry.
        if (users.length > 0) continue;
        report(
          owner.namePlace,
          `${name} is committed here and has gone: ${whose} that were made with it can no longer be read`,
        );
        continue;
      }
      const back = old.text && setText(now, old.text.text.trimEnd());
      report(now.keyPlace, `${name} is not the committed one: ${whose} that were made with it can no longer be read`, {
        related,
        fixes: [
          old.text && owner.kind === 'Secret'
            ? newStorage({ secret: owner, entry: now, oldText: old.text.text.trimEnd(), query })
            : undefined,
          fix(`Put the committed ${name} back`, back),
        ],
      });
    }
  },
});
