import { locationsOfSecret } from '../queries/backupLocation.ts';
import type { SecretEntry } from '../resources/secret.ts';
import { LOCATION_BLOCKS, LOCATION_SECRET_ENTRIES } from '../resources/stork.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'backup-location-secret-entry',
  summary: 'The Secret of a BackupLocation has the entries that Stork reads, spelt as Stork spells them.',
  why: 'Stork reads entries by their exact names and passes over all others without a word: credentials stay empty, and a passphrase under encryptionV2Key (in the Secret it is called encryptionKey) means that the resource files of every backup are stored in clear text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Portworx and Stork',
  catalogue: ['W3', 'W11', 'W12'],
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
      encryptionV2Key: 3fca27ff846664b4428dce73ac41d57cc637dee9fd029a662e875f5455790ded
      ^^^^^^^^^^^^^^^ error backup-location-secret-entry: Stork does not read encryptionV2Key from a Secret, and stores resource files in clear text: the entry is called encryptionKey
      AWS_ACCESS_KEY_ID: AKIAXXXXXXXXXXXXXXXX
      ^^^^^^^^^^^^^^^^^ error backup-location-secret-entry: Stork does not read AWS_ACCESS_KEY_ID from the Secret of a BackupLocation: the entry is called accessKeyID
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
      accessKeyID: AKIAXXXXXXXXXXXXXXXX
      secretAccessKey: abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(secret, { report, query }) {
    const locations = locationsOfSecret(secret, query);
    if (locations.length === 0) return;
    // Many locations may read one Secret; there are four types.
    const types = [...new Set(locations.map((it) => it.type))];
    const read = LOCATION_SECRET_ENTRIES.filter((it) =>
      types.some((type) => type === undefined || it.types.includes(type)),
    ).map((it) => it.entry);
    const all = LOCATION_SECRET_ENTRIES.map((it) => it.entry);
    const related = locations.map((it) => ({ at: it.namePlace, message: `${it.title} reads this Secret` }));
    for (const entry of secret.entries) {
      const { name } = entry;
      if (all.includes(name)) continue;
      const inline = INLINE_ONLY.find((it) => plain(it) === plain(name));
      if (inline) {
        const path = inline === 'useIam' ? `location.${LOCATION_BLOCKS.s3}.useIam` : 'location.repositoryPassword';
        report(entry.keyPlace, `Stork does not read ${name} from a Secret: it counts only as ${path}`, { related });
        continue;
      }
      const meant = OTHER_WORDS[plain(name)] ?? read.find((it) => plain(it) === plain(name));
      if (meant === undefined || !read.includes(meant)) continue;
      // Somebody keeps the words of another program beside those of Stork.
      if (secret.entry(meant)) continue;
      const isKey = meant === 'encryptionKey';
      report(
        entry.keyPlace,
        isKey
          ? `Stork does not read ${name} from a Secret, and stores resource files in clear text: the entry is called encryptionKey`
          : `Stork does not read ${name} from the Secret of a BackupLocation: the entry is called ${meant}`,
        { fix: fix(`Rename to ${meant}`, renamed(entry, meant)), related },
      );
    }
  },
});

const INLINE_ONLY = ['useIam', 'repositoryPassword'];

/** What people write instead, without case, dashes and underscores. */
const OTHER_WORDS: Record<string, string> = {
  encryptionv2key: 'encryptionKey',
  encryptionkeyv2: 'encryptionKey',
  encryptionpassphrase: 'encryptionKey',
  awsaccesskeyid: 'accessKeyID',
  accesskey: 'accessKeyID',
  awssecretaccesskey: 'secretAccessKey',
  secretkey: 'secretAccessKey',
  awsregion: 'region',
  bucket: 'path',
  bucketname: 'path',
  azurestorageaccount: 'storageAccountName',
  azurestoragekey: 'storageAccountKey',
};

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_.]/g, '');
}

function renamed(entry: SecretEntry, name: string) {
  const key = entry.node?.key;
  return entry.container === 'stringData' || entry.container === 'data'
    ? key && [{ at: key.place, newText: name }]
    : undefined;
}
