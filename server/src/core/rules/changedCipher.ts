import { changedRepositories } from '../queries/repositoryChange.ts';
import { fixture, rule } from '../rule.ts';
import { hasMoved } from './repositoryMoved.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const NEW = 'x7Wn0uJk2RbTqYh5eMcV9aZpL4sGdFi8oXwB1rNyKtQmCvE6UjHlSgDzPfAI3O+/';

export default rule({
  id: 'changed-cipher',
  summary: 'The encryption of a repository that holds backups stays as it is.',
  why: 'pgBackRest can neither re-encrypt a repository nor give it another pass. The pass opens archive.info and backup.info, which hold the keys of everything else: with another one archive-push stops at the next WAL file (errors 29, 95 or 103), the disk of the database fills up, and no backup can be restored (75). The way to another key is a second repository: both are written until the backups of the first have expired. This compares with what is committed, and cannot see whether a backup was ever made.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M11', 'P48', 'P49', 'pains P07', 'pains P08'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  committed: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=${PASS}
  `,
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=${NEW}
    ^^^^^^^^^^^^^^^^^ error changed-cipher: repo1-cipher-pass is not the committed one: what is in repo1 can no longer be read, and the next WAL file is refused
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=${PASS}
    repo2-path=/var/lib/pgbackrest-repo2
    repo2-retention-full=2
    repo2-cipher-type=aes-256-cbc
    repo2-cipher-pass=${NEW}
  `,
  check(options, { report, query, history }) {
    for (const repository of changedRepositories(options, query, history.before)) {
      // In another place nothing is there yet that could not be read: repository-moved speaks.
      if (hasMoved(repository)) continue;
      const { name } = repository;
      const [type, oldType] = [repository.now('repo-cipher-type'), repository.before('repo-cipher-type')];
      const [pass, oldPass] = [repository.now('repo-cipher-pass'), repository.before('repo-cipher-pass')];
      if ([type, oldType, pass, oldPass].some((it) => it?.isOpaque)) continue;
      const isEncrypted = type !== undefined && type.value !== 'none';
      const wasEncrypted = oldType !== undefined && oldType.value !== 'none';
      const own = (setting: typeof type) => setting && options.settings.includes(setting);
      const say = (at: typeof type, message: string) =>
        report(at?.keyPlace ?? repository.at, message, { fixes: repository.fixes() });
      if (isEncrypted && !wasEncrypted) {
        if (own(type)) {
          say(
            type,
            `${name} is committed without encryption: a repository that has a stanza cannot be encrypted later, and the next WAL file is refused`,
          );
        }
      } else if (!isEncrypted && wasEncrypted) {
        if (!options.settings.some((it) => it.resolved.canonical === oldType.resolved.canonical) || own(type)) {
          say(
            type,
            `${name} is committed with ${oldType.key}: without it what is in ${name} can no longer be read, and the next WAL file is refused`,
          );
        }
      } else if (isEncrypted && pass && oldPass && pass.value !== oldPass.value && own(pass)) {
        say(
          pass,
          `${pass.key} is not the committed one: what is in ${name} can no longer be read, and the next WAL file is refused`,
        );
      }
    }
  },
});
