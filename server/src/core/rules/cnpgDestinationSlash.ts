import { isOpaque } from '../opaque.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { replaceValue } from '../yaml/entryEdits.ts';

export default rule({
  id: 'cnpg-destination-slash',
  summary: 'destinationPath ends without a slash.',
  why: 'Barman Cloud puts a slash of its own behind it: the names of the objects have two in a row. AWS takes them as they are, some other stores and rules about prefixes do not. Moving an archive that is in use means a new archive: leave it as it is there.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'CloudNativePG',
  catalogue: ['N15'],
  kinds: ['CnpgCluster', 'CnpgObjectStore'],
  bad: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main/
                                          ^ hint cnpg-destination-slash: names of objects get two slashes in a row
        s3Credentials: {inheritFromIAMRole: true}
  `,
  good: fixture`
    apiVersion: barmancloud.cnpg.io/v1
    kind: ObjectStore
    metadata: {name: store, namespace: db}
    spec:
      configuration:
        destinationPath: s3://backups/main
        s3Credentials: {inheritFromIAMRole: true}
  `,
  check({ stores }, { report }) {
    for (const { node, role } of stores) {
      const path = node.get('destinationPath');
      const text = path?.text;
      if (role === 'external' || !path || !text || isOpaque(text) || !/^[a-z0-9]+:\/\/[^/]+\/.*[^/]\/+$/i.test(text))
        continue;
      const bare = text.replace(/\/+$/, '');
      const at = path.mapped?.isExact ? path.mapped.place(bare.length, text.length) : path.place;
      report(at, 'names of objects get two slashes in a row', {
        fix: fix('Remove the slash', replaceValue(path, plainOrQuoted(bare))),
      });
    }
  },
});
