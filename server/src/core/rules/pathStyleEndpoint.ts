import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'path-style-endpoint',
  summary: 'MinIO and its like are asked for buckets by path.',
  why: "With the default style host pgBackRest asks for https://BUCKET.ENDPOINT. A server of one's own, known by an address or a short name, has no such name in DNS: the first command fails with an unknown host.",
  severity: 'information',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M76'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/pgbackrest
    repo1-retention-full=2
    repo1-type=s3
    repo1-s3-bucket=backups
    repo1-s3-endpoint=minio:9000
                      ^^^^^^^^^^ information path-style-endpoint: a server of this kind usually needs repo1-s3-uri-style=path
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
    repo1-s3-endpoint=minio:9000
    repo1-s3-uri-style=path
    repo1-s3-region=eu-west-1
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { reading, repository } of repositoriesAround(conf, query)) {
      if (!reading.isWhole || reading.cluster || reading.hasOpaqueLines) continue;
      const endpoint = repository.option('s3-endpoint');
      const key = `${repository.name}-s3-uri-style`;
      if (!endpoint || endpoint.isOpaque || repository.option('s3-uri-style') || reading.isInEnvironment(key)) continue;
      if (repository.option('type')?.value !== 's3' || !conf.holds(endpoint) || told.has(endpoint)) continue;
      const host = endpoint.value.replace(/^https?:\/\//, '').replace(/[:/].*$/, '');
      if (!/^\d+(?:\.\d+){3}$|^[^.]+$|minio|\.(?:local|internal|lan|svc)$/i.test(host)) continue;
      told.add(endpoint);
      report(endpoint.valuePlace, `a server of this kind usually needs ${key}=path`, {
        fix: fix(`Add ${key}=path`, endpoint.insertAfter(key, 'path')),
      });
    }
  },
});
