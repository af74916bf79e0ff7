import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'repository-name',
  summary: 'A repository is named repo1 to repo4, and nothing more.',
  why: 'The pattern of the CRD has no end: repo12 and repo1-s3 pass the API server. The commands of the operator then take the first number and the options another name, so that settings and backups do not meet.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C4'],
  kinds: ['PostgresCluster'],
  bad: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo12
                    ^^^^^^ warning repository-name: a repository is named repo1, repo2, repo3 or repo4
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(cluster, { report }) {
    for (const { name, nameNode } of cluster.scopes.flatMap((it) => it.repos)) {
      // Others are refused by the schema.
      if (nameNode && /^repo[1-4]./.test(name))
        report(nameNode.place, 'a repository is named repo1, repo2, repo3 or repo4');
    }
  },
});
