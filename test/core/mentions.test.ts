import { describe, test } from 'vitest';
import { checkDefinition, checkHighlights, checkReferences } from '../support/queries.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('definition', () => {
  test('from a storage in a cluster to the storage, and not to one of another namespace', () => {
    checkDefinition(`
#- /cluster.yaml
apiVersion: stackgres.io/v1
kind: SGCluster
metadata: {name: c, namespace: db}
spec:
  configurations:
    backups:
      - sgObjectStorage: back$0up
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backup, namespace: db}
                 ^^^^^^ here
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backup, namespace: test}
`);
  });

  test('from a selector to the entry of its Secret', () => {
    checkDefinition(`
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec: {type: gcs, encryption: {method: sodium, sodium: {key: {name: keys, key: "sod$0ium"}}}}
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys}
data:
  other: eA==
  sodium: eA==
  ^^^^^^ here
`);
  });

  test('from an option inside base64 to the repository of the cluster that mounts it', () => {
    const conf = base64('[global]\nrepo2-s3-key=AKIA\n');
    const manifest = `apiVersion: v1
kind: Secret
metadata: {name: p}
data:
  s3.conf: ${conf}`;
    // Character 13 of the base64 is inside repo2.
    const at = manifest.indexOf(conf) + 15;
    checkDefinition(`
#- /secret.yaml
${manifest.slice(0, at)}$0${manifest.slice(at)}
#- /cluster.yaml
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: hippo}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: p}
      repos:
        - name: repo1
        - name: repo2
                ^^^^^ here
`);
  });

  test('from a backup to the repository of the cluster it names', () => {
    checkDefinition(`
#- /backup.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGBackup
metadata: {name: b}
spec:
  pgCluster: prod
  repoName: repo$01
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec: {backups: {pgbackrest: {repos: [{name: repo1}]}}}
                                             ^^^^^ here
---
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: other}
spec: {backups: {pgbackrest: {repos: [{name: repo1}]}}}
`);
  });

  test('in a pgbackrest.conf, the option that says where the repository lies stands for it', () => {
    checkDefinition(
      `
[global]
repo1-retention-full=2
repo1-path=/var/lib/pgbackrest
^^^^^ here
re$0po1-cipher-type=none
`,
      '/pgbackrest.conf',
    );
  });

  test('nowhere for what is no name', () => {
    checkDefinition('apiVersion: v1\nkind: Sec$0ret\nmetadata: {name: s}\n');
    checkDefinition('plain$0 text\n', '/notes.txt');
    checkDefinition('$0', '/empty.yaml');
  });
});

describe('references', () => {
  test('of a repository: its name, its options in global and in the mounted confs, and who names it', () => {
    checkReferences(`
#- /cluster.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: p}
      global:
        repo2-cipher-type: aes-256-cbc
        ^^^^^ here
        repo1-retention-full: "2"
      repos:
        - name: rep$0o2
                ^^^^^^^ here
      manual:
        repoName: repo2
                  ^^^^^ here
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: p}
stringData:
  s3.conf: |
    [global]
    repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^ here
  other.txt: repo2-path=x
#- /restore.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGRestore
metadata: {name: r}
spec: {pgCluster: prod, repoName: repo2}
                                  ^^^^^ here
---
apiVersion: pgv2.percona.com/v2
kind: PerconaPGRestore
metadata: {name: r}
spec: {pgCluster: another, repoName: repo2}
`);
  });

  test('a name without namespace belongs to the Secret it means, not to all of that name', () => {
    checkReferences(`
#- /a/storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec: {encryption: {sodium: {key: {name: ke$0ys, key: k}}}}
                                         ^^^^^^ here
#- /a/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: a}
                 ^^^^ here
#- /b/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: b}
`);
  });

  test('a pgbackrest.conf and its conf.d are one configuration', () => {
    checkReferences(`
#- /etc/pgbackrest/pgbackrest.conf
[global]
re$0po1-path=/var/lib/pgbackrest
^^^^^^^ here
repo2-path=/backup
#- /etc/pgbackrest/conf.d/cipher.conf
[global]
repo1-cipher-type=aes-256-cbc
^^^^^ here
#- /other/pgbackrest.conf
[global]
repo1-path=/var/lib/pgbackrest
`);
  });
});

test('highlights stay in the file', () => {
  checkHighlights(`
#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: ke$0ys}
                 ^^^^^^ here
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s}
spec: {encryption: {sodium: {key: {name: keys, key: k}}}}
                                         ^^^^ here
#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: t}
spec: {encryption: {sodium: {key: {name: keys, key: k}}}}
`);
});
