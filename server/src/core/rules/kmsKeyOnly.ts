import type { Setting } from '../pgbackrest/setting.ts';
import { clusterConfiguration } from '../queries/clusterConfiguration.ts';
import { readingsOf } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'kms-key-only',
  summary: 'A KMS key of the store is not taken for encryption by pgBackRest.',
  why: 'repoN-s3-kms-key-id and repoN-s3-sse-customer-key make the store encrypt what it stores. Whoever may read the bucket, and the provider, reads the backups in clear. Encryption on the side of the client is repoN-cipher-type with repoN-cipher-pass.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P67', 'pains P44'],
  kinds: ['PostgresCluster', 'pgbackrest.conf'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          global:
            repo1-s3-kms-key-id: arn:aws:kms:eu-west-1:111122223333:key/x
            ^^^^^^^^^^^^^^^^^^^ information kms-key-only: this makes the store encrypt, which can read the backups: for encryption by pgBackRest set repo1-cipher-type
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod, namespace: db}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: keys}}]
          global:
            repo1-s3-kms-key-id: arn:aws:kms:eu-west-1:111122223333:key/x
            repo1-cipher-type: aes-256-cbc
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
    ---
    apiVersion: bitnami.com/v1alpha1
    kind: SealedSecret
    metadata: {name: keys, namespace: db}
    spec: {encryptedData: {s3.conf: AgBh8Q0Sd8bpZw4rXhT1uY6nEKf}}
  `,
  check(subject, { report, query }) {
    const judge = (own: readonly Setting[], all: readonly Setting[]) => {
      for (const it of own) {
        if (!/^repo-s3-(?:kms-key-id|sse-customer-key)$/.test(it.resolved.name) || it.value === '') continue;
        const key = `${it.group}-cipher-type`;
        if (all.some((other) => other.resolved.canonical === key && other.value !== 'none')) continue;
        report(
          it.keyPlace,
          `this makes the store encrypt, which can read the backups: for encryption by pgBackRest set ${key}`,
        );
      }
    };
    if (subject.kind === 'PostgresCluster') {
      for (const scope of subject.scopes) judge(scope.global, clusterConfiguration(subject, scope, query).settings);
    } else for (const reading of readingsOf(subject, query)) judge(subject.settings, reading.settings);
  },
});
