import { describe, test } from 'vitest';
import { checkRename, checkRenameRefused } from '../support/queries.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const conf = (n: number) =>
  `# ä\n[global]\nrepo${n}-s3-key=AKIA\nrepo${n}-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNe\nrepo4-path=/x\n`;
const cluster = (n: number, cursor = '') => `#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: p}
        - configMap: {name: more}
      global:
        repo${n}-cipher-type: aes-256-cbc # of repo2
        "repo${n}-retention-full": "2"
        repo1-path: /pgbackrest/repo2
      repos:
        - name: re${cursor}po${n}
          s3: {bucket: b, endpoint: e, region: r}
      manual: {repoName: 'repo${n}', options: [--type=full]}
      restore: {enabled: false, repoName: repo${n}}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: p, namespace: db}
data:
  s3.conf: ${base64(conf(n))}
#- /map.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: more}
data:
  more.conf: "[global]\\nrepo${n}-retention-diff=3"
#- /backup.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGBackup
metadata: {name: b, namespace: db}
spec:
  pgCluster: prod
  repoName: repo${n}
`;

describe('a repository', () => {
  test('is renamed in the cluster, its global, the mounted confs down into base64, and in backups', () => {
    checkRename('repo3', cluster(2, '$0'), cluster(3));
  });

  test('is renamed from an option as well', () => {
    checkRename('repo3', cluster(2).replace("'repo2'", "'re$0po2'"), cluster(3));
    checkRename('repo3', cluster(2).replace('repo2-cipher-type', 'rep$0o2-cipher-type'), cluster(3));
  });

  test('is not renamed to one that is there, in the cluster or in a conf', () => {
    checkRenameRefused('repo1', 'PerconaPGCluster db/prod already has repo1', cluster(2, '$0'));
    checkRenameRefused('repo4', 's3.conf in Secret db/p already has options of repo4', cluster(2, '$0'));
  });

  test('is not renamed to what pgBackRest does not know', () => {
    for (const name of ['repo0', 'repo257', 'backup', 'repo', 'repo2 ', '']) {
      checkRenameRefused(name, 'repo1 to repo256', cluster(2, '$0'));
    }
  });

  test('of a pgbackrest.conf keeps everything else byte for byte', () => {
    checkRename(
      'repo4',
      '\ufeff# repo1\r\n[global]\r\nre$0po1-path = /repo1\r\n\trepo1-cypher-type=x\r\nrepo10-path=/x\r\n\r\n[db:archive-push]\r\nrepo1-host=a',
      '\ufeff# repo1\r\n[global]\r\nrepo4-path = /repo1\r\n\trepo4-cypher-type=x\r\nrepo10-path=/x\r\n\r\n[db:archive-push]\r\nrepo4-host=a',
      '/pgbackrest.conf',
    );
  });
});

const storage = (secret: string, entry: string, more = '') => `#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  encryption:
    sodium: {key: {name: ${secret}, key: "${entry}"}}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: ${secret}
  namespace: db
stringData:
  ${entry}: ${more || 'abc'}
`;

describe('Secrets, entries, storages, clusters', () => {
  test('a Secret is renamed with everything that names it, and quoted where it must be', () => {
    checkRename('keys2', storage('keys', 'k').replace('name: keys, key', 'name: ke$0ys, key'), storage('keys2', 'k'));
    checkRename('123', storage('keys', 'k').replace('  name: keys\n', '  name: k$0eys\n'), storage('"123"', 'k'));
  });

  test('an entry is renamed in the Secret and in selectors', () => {
    checkRename('sodium.key', storage('keys', 'k').replace('"k"', '"$0k"'), storage('keys', 'sodium.key'));
  });

  test('an entry of a generator is renamed without renaming the file', () => {
    const files = (item: string, entry: string) => `#- /kustomization.yaml
secretGenerator:
  - name: keys
    files: [${item}]
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec: {encryption: {sodium: {key: {name: keys, key: ${entry}}}}}
`;
    checkRename('new', files('secrets/old', 'o$0ld'), files('new=secrets/old', 'new'));
    checkRename('new', files('old=secrets/file', 'o$0ld'), files('new=secrets/file', 'new'));
  });

  test('a storage is renamed with the clusters that use it', () => {
    const files = (name: string, cursor = '') => `#- /a.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: c}
spec: {configurations: {backups: [{sgObjectStorage: ${cursor}${name}}]}}
#- /b.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: ${name}}
`;
    checkRename('other', files('backup', '$0'), files('other'));
  });

  test('a cluster is renamed with its backups', () => {
    const files = (name: string, cursor = '') => `#- /a.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: ${cursor}${name}}
#- /b.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGRestore
metadata: {name: r}
spec: {pgCluster: ${name}, repoName: repo1}
`;
    checkRename('other', files('prod', '$0'), files('other'));
  });

  test('a name that is taken, illegal, or would no longer be read is refused', () => {
    const two = `${storage('keys', 'k')}#- /taken.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: taken, namespace: db}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: free, namespace: elsewhere}\n`;
    const at = (text: string) => text.replace('{name: keys', '{name: $0keys');
    checkRenameRefused('taken', 'there is already a Secret db/taken', at(two));
    checkRename('free', at(two), two.replaceAll('keys', 'free'));
    checkRenameRefused('Upper_Case', 'small letters', at(two));
    checkRenameRefused('s3', 'end in .conf', cluster(2).replace('s3.conf:', '$0s3.conf:'));
    checkRenameRefused('x', 'no name here', '#- /a.yaml\nkind: Se$0cret\napiVersion: v1\n');
  });
});
