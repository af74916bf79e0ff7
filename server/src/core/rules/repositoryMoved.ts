import type { Query } from '../index.ts';
import { isOpaque } from '../opaque.ts';
import type { Place } from '../part.ts';
import { committedScope } from '../queries/committed.ts';
import { type ChangedRepository, changedRepositories } from '../queries/repositoryChange.ts';
import type { GlobalOptions } from '../resources/postgresCluster.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'repository-moved',
  summary: 'A repository that holds backups stays where it is.',
  why: 'A repository with another path, bucket or type is another repository: pgBackRest knows none of the backups in the old place any more, they never expire, and in the new one every command stops (errors 55 or 103) until somebody runs stanza-create. The Kubernetes operators do that for a new repository name, never for a new path. Give the new place a number of its own, and keep the old one until its backups have expired. This compares with what is committed, and cannot see whether a backup was ever made.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['P19'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  committed: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
  `,
  bad: fixture`
    [global]
    repo1-path=/mnt/backup/pgbackrest
    ^^^^^^^^^^ warning repository-moved: repo1 is committed with another repo1-path: no backup from there is known any more, and here is no stanza yet
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo2-path=/mnt/backup/pgbackrest
    repo2-retention-full=2
  `,
  check(options, { report, query, history }) {
    for (const repository of changedRepositories(options, query, history.before)) {
      const moved = hasMoved(repository);
      if (!moved) continue;
      const { option } = moved;
      const key = option.replace(/^repo/, repository.name);
      const at = repository.now(option);
      if (at && !options.settings.includes(at)) continue;
      report(
        at?.keyPlace ?? repository.at,
        `${repository.name} is committed with another ${key}: no backup from there is known any more, and here is no stanza yet`,
        { fixes: repository.fixes() },
      );
    }
    // The bucket of a cluster's repository stands in `repos`, not among the options.
    if (options.kind === 'pgbackrest.global') {
      for (const { at, message } of movedStores(options, history.before)) report(at, message);
    }
  },
});

/** Options that say where a repository is, with what they are when nothing is said. */
const PLACE: Readonly<Record<string, string>> = {
  'repo-type': 'posix',
  'repo-path': '',
  'repo-host': '',
  'repo-s3-bucket': '',
  'repo-azure-container': '',
  'repo-azure-account': '',
  'repo-gcs-bucket': '',
  'repo-sftp-host': '',
};

/** The first option by which the repository lies elsewhere now. A place that was never named may have been the default. */
export function hasMoved({ now, before }: ChangedRepository): { option: string } | undefined {
  for (const [option, fallback] of Object.entries(PLACE)) {
    const [to, from] = [now(option), before(option)];
    if (to?.isOpaque || from?.isOpaque) continue;
    const isSame = normal(to?.value ?? fallback) === normal(from?.value ?? fallback);
    // The default path is written out, or taken for granted: a conf without a path may have one from elsewhere.
    const isUnnamed = option === 'repo-path' && (to === undefined || from === undefined);
    if (!isSame && !(isUnnamed && isDefault(to?.value ?? from?.value))) return { option };
  }
  return undefined;
}

function normal(value: string): string {
  return value.replace(/\/+$/, '');
}

function isDefault(path: string | undefined): boolean {
  return path === undefined || normal(path) === '/var/lib/pgbackrest' || /^\/pgbackrest\/repo\d+$/.test(normal(path));
}

function movedStores(options: GlobalOptions, before: Query): { at: Place; message: string }[] {
  const past = committedScope(options.cluster, options.scope, before);
  return options.scope.repos.flatMap((repo) => {
    const old = past?.repos.find((it) => it.name === repo.name);
    return ['s3.bucket', 'gcs.bucket', 'azure.container'].flatMap((path) => {
      const [to, from] = [repo.node.textAt(path), old?.node.textAt(path)];
      if (!from || to === from || isOpaque(`${to} ${from}`)) return [];
      const message = `${repo.name} is committed with another ${path}: no backup from there is known any more, and the operator makes no stanza here`;
      return [{ at: (repo.node.get(path) ?? repo.node).keyPlace, message }];
    });
  });
}
