import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'wal-g-two-keys',
  summary: 'WAL-G gets one way to encrypt.',
  why: 'WAL-G takes the first that it finds: an OpenPGP key, then a key of the GPG keyring, then AWS KMS, then libsodium; the others are passed over without a word. Whoever restores with the key that did not count gets "corrupted chunk" or "no armored data".',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    export WALG_LIBSODIUM_KEY_PATH=/etc/wal-g/sodium.key
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ warning wal-g-two-keys: WALG_LIBSODIUM_KEY_PATH is passed over, since WALG_PGP_KEY_PATH is set too
    export WALG_PGP_KEY_PATH=/etc/wal-g/key.asc
    wal-g backup-push /var/lib/postgresql/15/main
  `,
  good: fixture`
    #!/bin/bash
    export WALG_LIBSODIUM_KEY_PATH=/etc/wal-g/sodium.key
    export WALG_LIBSODIUM_KEY_TRANSFORM=hex
    wal-g backup-push /var/lib/postgresql/15/main
  `,
  check(script, { report }) {
    const set = script.variables.filter((it) => it.value !== '' || !it.isLiteral);
    const present = WAYS.map((way) => set.filter((it) => way.test(it.name)));
    const winner = present.findIndex((it) => it.length > 0);
    for (const others of present.slice(winner + 1)) {
      for (const { name, at } of others) {
        report(at, `${name} is passed over, since ${present[winner]![0]!.name} is set too`, {
          related: [{ at: present[winner]![0]!.at, message: 'this one counts' }],
        });
      }
    }
  },
});

/** In the order in which WAL-G asks for them (wal-g internal/configure.go). */
const WAYS = [
  /^WALG_PGP_KEY$/,
  /^WALG_PGP_KEY_PATH$/,
  /^(?:WALG_GPG_KEY_ID|WALE_GPG_KEY_ID|GPG_KEY_ID)$/,
  /^WALG_CSE_KMS_ID$/,
  /^YC_CSE_KMS_KEY_ID$/,
  /^WALG_LIBSODIUM_KEY(?:_PATH)?$/,
];
