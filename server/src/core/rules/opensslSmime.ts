import { fixture, rule } from '../rule.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'openssl-smime',
  summary: 'A backup is not encrypted with openssl smime.',
  why: 'smime and cms without -stream hold the whole message in memory, with lengths that end at 2 GB: older versions cut the file without a word, newer ones stop with an allocation error, and decrypting has the same limit. Several people found out when they needed the backup. gpg, age or the encryption of the backup tool have no such limit.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P65'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | openssl smime -encrypt -aes256 -binary -outform DEM -out app.enc /etc/backup/cert.pem
                          ^^^^^ warning openssl-smime: openssl smime cuts or refuses what is larger than about 1.5 GB
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e -o app.gpg
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('openssl')) {
      const [command] = call.args;
      if (!command || !/^(?:smime|cms)$/.test(command.text) || !hasOption(call, '-encrypt')) continue;
      if (command.text === 'cms' && hasOption(call, '-stream')) continue;
      report(command.at, `openssl ${command.text} cuts or refuses what is larger than about 1.5 GB`);
    }
  },
});
