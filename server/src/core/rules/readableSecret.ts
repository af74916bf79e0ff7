import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'readable-secret',
  summary: 'A pgbackrest.conf with a pass can be read by nobody but its owner and group.',
  why: 'pgBackRest reads the file whatever its permissions are, and says nothing: every user of the machine has the key to the backups. chmod 640, with root as owner and postgres as group, is what packages set up. The permissions of a file in a checkout are those of git, and are not judged.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M15'],
  kinds: ['pgbackrest.conf'],
  badMode: 0o644,
  bad: fixture`
    #- /etc/pgbackrest/pgbackrest.conf
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ warning readable-secret: every user of this machine can read repo1-cipher-pass: chmod 640
  `,
  good: fixture`
    #- /etc/pgbackrest/pgbackrest.conf
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
  `,
  check(conf, { report, history }) {
    const mode = history.record(conf.part)?.mode;
    // Elsewhere a file is on its way to its machine, and gets its permissions there.
    if (mode === undefined || (mode & 0o004) === 0 || !/\/etc\/(?:.*\/)?pgbackrest/.test(conf.part.uri)) return;
    const secret = conf.settings.find((it) => it.resolved.definition?.secure && it.value !== '' && !it.isOpaque);
    if (secret) report(secret.keyPlace, `every user of this machine can read ${secret.key}: chmod 640`);
  },
});
