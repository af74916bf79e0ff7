import { fixture, rule } from '../rule.ts';
import { isCipherCall } from '../shell/openssl.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'compressed-after-encryption',
  summary: 'A backup is compressed before it is encrypted.',
  why: 'What is encrypted looks like random numbers and cannot be made smaller: the compression behind it only costs time, and the backup is as large as if nobody compressed. gpg compresses by itself; openssl does not.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass | gzip > app.enc.gz
                                                                                 ^^^^ hint compressed-after-encryption: gzip cannot make smaller what openssl has encrypted: put it in front
    sha256sum app.enc.gz > app.enc.gz.sha256
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gzip | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass > app.gz.enc
  `,
  check(script, { report }) {
    for (const { call, pipeline, index } of script.callsOf('gpg', 'gpg2', 'openssl', 'age')) {
      if (hasOption(call, '-d', '--decrypt', '-a', '--armor', '--dearmor')) continue;
      const isEncrypting =
        call.program === 'openssl'
          ? isCipherCall(call)
          : call.program === 'age' || hasOption(call, '-e', '--encrypt', '-c', '--symmetric');
      const next = pipeline.calls[index + 1];
      if (
        !isEncrypting ||
        !next ||
        !/^(?:gzip|pigz|zstd|xz|lz4|bzip2|lzma)$/.test(next.program) ||
        hasOption(next, '-d', '--decompress')
      )
        continue;
      report(
        next.programWord.at,
        `${next.program} cannot make smaller what ${call.program} has encrypted: put it in front`,
      );
    }
  },
});
