import { compareReleases } from '../pgbackrest/options.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'dotted-bucket',
  summary: 'A bucket with a dot in its name is addressed by path.',
  why: 'With the style host the bucket becomes a part of the host name, and no certificate fits a name with one more dot: pgBackRest stops with error 32.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M75'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups.acme.com
                    ^^^^^^^^^^^^^^^^ error dotted-bucket: a bucket with a dot needs repo1-s3-uri-style=path
    repo1-s3-endpoint=s3.eu-west-1.amazonaws.com
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups.acme.com
    repo1-s3-uri-style=path
    repo1-s3-endpoint=s3.eu-west-1.amazonaws.com
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(conf, { report, query, target }) {
    const told = new Set<Setting>();
    for (const { reading, repository } of repositoriesAround(conf, query)) {
      if (!reading.isWhole || reading.cluster || reading.hasOpaqueLines) continue;
      const bucket = repository.option('s3-bucket');
      if (repository.option('type')?.value !== 's3' || !bucket?.value.includes('.') || bucket.isOpaque) continue;
      const style = repository.option('s3-uri-style');
      const isVerified = (repository.option('storage-verify-tls')?.value ?? 'y') === 'y';
      if (!isVerified || !conf.holds(bucket) || told.has(bucket)) continue;
      if ((style?.value ?? 'host') !== 'host') {
        // Releases before 2.58 do not look at the style.
        if (style?.value !== 'path' || !target.pgbackrest || compareReleases(target.pgbackrest, '2.58') >= 0) continue;
        told.add(bucket);
        report(bucket.valuePlace, `before 2.58, pgBackRest takes no bucket with a dot while it verifies certificates`);
        continue;
      }
      const key = `${repository.name}-s3-uri-style`;
      if (reading.isInEnvironment(key)) continue;
      told.add(bucket);
      report(bucket.valuePlace, `a bucket with a dot needs ${key}=path`, {
        fix: style
          ? fix(`Set ${key} to path`, style.setValue('path'))
          : fix(`Add ${key}=path`, bucket.insertAfter(key, 'path')),
      });
    }
  },
});
