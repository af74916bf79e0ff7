import type { Edit } from '../part.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { readingsOf } from '../queries/confReading.ts';
import { repositoryCiphers } from '../queries/repositoryCipher.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-without-repository',
  summary: 'Cipher options carry the number of a repository that exists.',
  why: 'A pass alone under a number that no repository has is dropped without a word; with a type it makes a second repository at /var/lib/pgbackrest that nobody asked for. The repository that was meant stays in plain text, or stops with error 37.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M9', 'M10', 'pains P04'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo2-cipher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ error cipher-without-repository: nothing says where repo2 is, and repo1 stays in plain text
    repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report, query }) {
    const told = new Set<Setting>();
    for (const reading of readingsOf(conf, query)) {
      if (reading.cluster) continue;
      for (const stanza of reading.stanzas) {
        const ciphers = repositoryCiphers(reading, stanza);
        for (const { repository, type, pass, slip } of ciphers.filter((it) => it.isStray)) {
          const first = [type, pass].find((it) => it !== undefined && conf.holds(it));
          if (!first || told.has(first)) continue;
          told.add(first);
          const meant = ciphers.find((it) => it.repository === slip);
          const lack = !meant
            ? ''
            : meant.type
              ? `, and ${meant.repository.name} has a cipher type but no pass`
              : `, and ${meant.repository.name} stays in plain text`;
          report(first.keyPlace, `nothing says where ${repository.name} is${lack}`, {
            severity: meant && !reading.mayHoldMore ? 'error' : 'warning',
            fix:
              meant &&
              fix(`Rename to ${meant.repository.name}-cipher-…`, renames(conf, [type, pass], meant.repository.name)),
          });
        }
      }
    }
  },
});

function renames(
  conf: { holds(it: Setting): boolean; edits(...changes: { start: number; end: number; newText: string }[]): Edit[] },
  settings: (Setting | undefined)[],
  name: string,
): Edit[] {
  const changes = settings.flatMap((it) => {
    if (!it || !conf.holds(it) || it.origin.kind !== 'conf') return [];
    const { keyStart, keyEnd } = it.origin.option;
    return [{ start: keyStart, end: keyEnd, newText: it.resolved.name.replace('repo', name) }];
  });
  return conf.edits(...changes);
}
