import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'helm-passphrase',
  summary: 'The values of the Crunchy chart encrypt what they say they encrypt.',
  why: 'In multiBackupRepos the chart puts encryptionPassphrase into the Secret and never writes the cipher type: pgBackRest drops the pass, and the repository is written in plain text. Options belong into pgBackRestConfig. Two S3 repositories in the list give two entries s3.conf in one Secret, of which the last one counts.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['C1', 'C2'],
  kinds: ['CrunchyValues'],
  bad: fixture`
    #- /values.yaml
    name: hippo
    multiBackupRepos:
      - s3:
          bucket: backups
          endpoint: s3.eu-west-1.amazonaws.com
          region: eu-west-1
          encryptionPassphrase: Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I
          ^^^^^^^^^^^^^^^^^^^^ error helm-passphrase: with multiBackupRepos the chart sets no cipher type: this repository is written in plain text
  `,
  good: fixture`
    #- /values.yaml
    name: hippo
    pgBackRestConfig:
      configuration: [{secret: {name: keys}}]
      global: {repo1-cipher-type: aes-256-cbc}
      repos:
        - name: repo1
          s3: {bucket: backups, endpoint: s3.eu-west-1.amazonaws.com, region: eu-west-1}
  `,
  check(values, { report }) {
    const repos = values.node.get('multiBackupRepos')?.items() ?? [];
    for (const repo of repos) {
      for (const store of repo.entries()) {
        const pass = store.get('encryptionPassphrase');
        if (pass && !pass.isNull && pass.text !== '') {
          report(
            pass.keyPlace,
            'with multiBackupRepos the chart sets no cipher type: this repository is written in plain text',
          );
        }
      }
    }
    const [, second] = repos.flatMap((it) => it.get('s3') ?? []);
    if (second?.isMap)
      report(second.keyPlace, 'the chart writes s3.conf for each S3 repository into one Secret: the last one counts');
  },
});
