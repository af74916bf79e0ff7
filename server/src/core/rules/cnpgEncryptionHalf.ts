import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { addEntry, replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-encryption-half',
  summary: 'WAL and base backups ask for the same server-side encryption.',
  why: 'wal.encryption and data.encryption are independent: the half without it follows the default of the bucket, and where a policy refuses uploads without the header, half of the uploads fail: a base backup without its WAL cannot be restored.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N1'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        wal:
          encryption: AES256
          ^^^^^^^^^^ warning cnpg-encryption-half: WAL asks for AES256, base backups for nothing: data.encryption is missing
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
        wal:
          encryption: AES256
        data:
          encryption: AES256
  `,
  check({ stores }, { report }) {
    for (const { node, role } of stores) {
      if (role === 'external') continue;
      const wal = node.get('wal.encryption');
      const data = node.get('data.encryption');
      for (const [given, other, section, what] of [
        [wal, data, 'data', 'base backups'],
        [data, wal, 'wal', 'WAL'],
      ] as const) {
        const value = given?.text;
        if (!given || !value) continue;
        const asks = `${section === 'data' ? 'WAL asks' : 'base backups ask'} for ${value}`;
        if (other && !other.isNull) {
          // Said once, at WAL.
          if (section === 'data' && other.text && other.text !== value)
            report(given.keyPlace, `${asks}, ${what} for ${other.text}`, {
              related: [{ at: other.keyPlace, message: 'the other one' }],
            });
          continue;
        }
        const map = node.get(section);
        const edits = other
          ? replaceValue(other, value)
          : map?.isMap
            ? addEntry(map, 'encryption', value)
            : map
              ? undefined
              : addEntry(node, section, `{encryption: ${plainOrQuoted(value)}}`);
        report(given.keyPlace, `${asks}, ${what} for nothing: ${section}.encryption is missing`, {
          fix: fix(`Set ${section}.encryption: ${value} too`, edits),
        });
      }
    }
  },
});
