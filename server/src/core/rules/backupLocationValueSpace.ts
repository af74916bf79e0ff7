import { asStorkReads, locationsOfSecret } from '../queries/backupLocation.ts';
import { valuePlace } from '../queries/selectedEntry.ts';
import { setText } from '../resources/secret.ts';
import { LOCATION_SECRET_ENTRIES } from '../resources/stork.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-value-space',
  summary: 'Values in the Secret of a BackupLocation have no blanks and line breaks around them.',
  why: 'Stork cuts one line feed off the end and takes the rest as it is: a second one, CR LF or a blank becomes a part of the passphrase. A cluster whose Secret was made another way then has another key, and its restore ends in unreadable JSON. Credentials with a blank are refused by the storage.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W18'],
  kinds: ['Secret'],
  bad: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      encryptionKey: "3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded "
                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning backup-location-value-space: encryptionKey ends with a blank, which becomes a part of the passphrase
  `,
  good: fixture`
    #- /location.yaml
    apiVersion: stork.libopenstorage.org/v1alpha1
    kind: BackupLocation
    metadata: {name: backups, namespace: kube-system}
    location:
      type: s3
      path: backups
      secretConfig: backups
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: backups, namespace: kube-system}
    stringData:
      encryptionKey: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
  `,
  check(secret, { report, query }) {
    const locations = locationsOfSecret(secret, query);
    if (locations.length === 0) return;
    for (const name of new Set(secret.entries.map((it) => it.name))) {
      const entry = secret.entry(name);
      if (!entry || entry.isOpaque || !LOCATION_SECRET_ENTRIES.some((it) => it.entry === name)) continue;
      // A boolean with a blank is backup-location-secret-value's; JSON may have blanks around it.
      if (name === 'disableSSL' || name === 'sse' || name === 'accountKey') continue;
      const text = asStorkReads(entry);
      if (text === undefined || text.trim() === '' || text === text.trim()) continue;
      const where = text === text.trimEnd() ? 'begins' : 'ends';
      const what = /\r\s*$/.test(text) ? 'a carriage return' : /\n\s*$/.test(text) ? 'a line break' : 'a blank';
      const part = name === 'encryptionKey' ? 'the passphrase' : 'the value';
      report(valuePlace(entry), `${name} ${where} with ${what}, which becomes a part of ${part}`, {
        // Backups that were made with the longer passphrase need it.
        fix: fix(
          name === 'encryptionKey' ? 'Take it off (only before the first backup)' : 'Take it off',
          setText(entry, text.trim()),
        ),
        related: locations.map((it) => ({ at: it.namePlace, message: `${it.title} reads this value` })),
      });
    }
  },
});
