import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'wal-g-debug-log',
  summary: 'WAL-G does not log in detail where it has keys.',
  why: 'At the level DEVEL WAL-G prints its whole environment, the keys with it: people have pasted their own key into public issues. Newer versions hide some of them.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P56'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    export WALG_LIBSODIUM_KEY_PATH=/etc/wal-g/sodium.key
    export WALG_LOG_LEVEL=DEVEL
           ^^^^^^^^^^^^^^^^^^^^ information wal-g-debug-log: at this level WAL-G writes its variables into the log, secrets with them
    wal-g backup-push /var/lib/postgresql/15/main
  `,
  good: fixture`
    #!/bin/bash
    export WALG_LIBSODIUM_KEY_PATH=/etc/wal-g/sodium.key
    export WALG_LOG_LEVEL=NORMAL
    wal-g backup-push /var/lib/postgresql/15/main
  `,
  check(script, { report }) {
    const hasSecret = script.variables.some((it) =>
      /^WALG_.*(?:KEY|PASSPHRASE)|^AWS_SECRET_ACCESS_KEY$|^PGPASSWORD$/.test(it.name),
    );
    for (const { name, value, at } of script.variables) {
      if (name === 'WALG_LOG_LEVEL' && value.toUpperCase() === 'DEVEL' && hasSecret) {
        report(at, 'at this level WAL-G writes its variables into the log, secrets with them');
      }
    }
  },
});
