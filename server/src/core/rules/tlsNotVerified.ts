import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'tls-not-verified',
  summary: 'The certificate of the storage is verified.',
  why: "With repoN-storage-verify-tls=n pgBackRest talks to whoever answers, and hands them the S3 key. For a certificate of one's own, repoN-storage-ca-file is enough.",
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M77'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups
    repo1-s3-endpoint=s3.example.com
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
    repo1-storage-verify-tls=n
    ^^^^^^^^^^^^^^^^^^^^^^^^ information tls-not-verified: repo1 takes any server for its storage
  `,
  good: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups
    repo1-s3-endpoint=s3.example.com
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
    repo1-storage-ca-file=/etc/pgbackrest/ca.crt
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.resolved.name !== 'repo-storage-verify-tls' || setting.resolved.problem || setting.value !== 'n')
        continue;
      report(setting.keyPlace, `${setting.group} takes any server for its storage`, {
        fix: fix('Verify: remove the line', setting.remove()),
      });
    }
  },
});
