import { readSettingOf } from '../queries/settingValue.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'quoted-value',
  summary: 'Values are written without quotes.',
  why: 'Quotes are characters like any other. A quoted path or number is refused (error 32), a quoted host is not found, and a quoted passphrase works with its quotes in it: whoever restores elsewhere and types it without them gets nothing.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M6', 'M52', 'P15'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path="/backup"
               ^^^^^^^^^ error quoted-value: repo1-path is written without quotes
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass="Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/"
                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning quoted-value: the quotes are part of repo1-cipher-pass
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, context) {
    for (const { setting, problems, at, replace } of readSettingOf(conf, context)) {
      for (const problem of problems) {
        if (problem.code !== 'quoted') continue;
        const isPass = setting.resolved.name === 'repo-cipher-pass';
        const bare = setting.value.slice(problem.start + 1, problem.end - 1);
        context.report(at(problem), problem.message, {
          // A pass with quotes in it still encrypts and decrypts on this host.
          severity: isPass ? 'warning' : 'error',
          fix: fix(
            isPass
              ? 'Remove the quotes (only before the stanza is created: they are part of the pass)'
              : 'Remove the quotes',
            replace(problem, bare),
            { isSafe: problem.effect === 'refused' },
          ),
        });
      }
    }
  },
});
