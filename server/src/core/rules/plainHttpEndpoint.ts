import { compareReleases } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'plain-http-endpoint',
  summary: 'The storage is reached over TLS.',
  why: 'Up to 2.57 pgBackRest speaks TLS only and stops at http:// with error 29. Since 2.58 it takes it, and sends everything that is not encrypted by itself in clear.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['pains P34'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups
    repo1-s3-endpoint=http://s3.example.com
                      ^^^^^^^^^^^^^^^^^^^^^ information plain-http-endpoint: plain http is sent in clear, and needs pgBackRest 2.58 or later
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
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
  `,
  check(conf, { report, target }) {
    for (const setting of conf.settings) {
      const { name, problem } = setting.resolved;
      if (problem || !/^repo-(?:s3|azure|gcs)-endpoint$|^repo-storage-host$/.test(name)) continue;
      if (!/^http:\/\//i.test(setting.value)) continue;
      const isRefused = target.pgbackrest !== undefined && compareReleases(target.pgbackrest, '2.58') < 0;
      report(setting.valuePlace, 'plain http is sent in clear, and needs pgBackRest 2.58 or later', {
        severity: isRefused ? 'error' : 'information',
        fix: fix('Use https', setting.setValue(setting.value.replace(/^http:/i, 'https:'))),
      });
    }
  },
});
