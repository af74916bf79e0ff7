import type { Repository } from '../pgbackrest/repository.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { repositoriesAround } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'same-repository-place',
  summary: 'Two repositories lie in two places.',
  why: 'For two local repositories with the same path pgBackRest stops with error 32. In one bucket with one path it notices nothing: both write the same files, and the retention of one deletes the backups of the other.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M82'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo2-path=/backup/
    ^^^^^^^^^^ error same-repository-place: repo2 lies in the same place as repo1
    repo2-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo2-path=/mnt/second
    repo2-retention-full=2
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const { reading, repository, all } of repositoriesAround(conf, query)) {
      if (reading.cluster || !reading.isWhole || reading.mayHoldMore) continue;
      const place = placeOf(repository);
      const first = place && all.find((it) => it.index < repository.index && placeOf(it) === place);
      if (!first) continue;
      const at = repository.option('path') ?? repository.settings[0]!;
      const before = first.option('path') ?? first.settings[0]!;
      if (!conf.holds(at) || told.has(at)) continue;
      told.add(at);
      report(at.keyPlace, `${repository.name} lies in the same place as ${first.name}`, {
        related: [{ at: before.keyPlace, message: `${first.name} lies here` }],
      });
    }
  },
});

/** Everything that says where it is, in one text; undefined where that is not to be seen. */
function placeOf(repository: Repository): string | undefined {
  // An option that counts by itself is enough for a repository at the default path.
  const exists = repository.hasLocation || repository.settings.some((it) => !it.resolved.definition?.depend);
  if (!exists || repository.option('host')) return undefined;
  const type = repository.option('type')?.value ?? 'posix';
  const path = repository.option('path')?.value ?? '/var/lib/pgbackrest';
  const parts =
    {
      s3: ['s3-endpoint', 's3-bucket'],
      azure: ['azure-account', 'azure-container'],
      gcs: ['gcs-bucket'],
      sftp: ['sftp-host'],
    }[type] ?? [];
  const settings = ['type', 'path', ...parts].map((it) => repository.option(it));
  if (settings.some((it) => it?.isOpaque)) return undefined;
  const where = parts.map((it) => repository.option(it)?.value);
  if (where.some((it) => it === undefined || it === '')) return undefined;
  return [type, path.replace(/(?<=.)\/$/, ''), ...where].join('\n');
}
