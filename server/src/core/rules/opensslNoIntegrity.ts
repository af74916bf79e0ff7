import { fixture, rule } from '../rule.ts';
import { isCipherCall } from '../shell/openssl.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'openssl-no-integrity',
  summary: 'A backup that openssl enc encrypts has a check of its own.',
  why: 'openssl enc has no authentication: a flipped bit gives another plain text with exit code 0, and a wrong password does so once in a few hundred tries. Whether a backup is whole shows only in what is inside: the checksum of gzip or zstd, the end of a dump. gpg and age notice by themselves.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P64'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass > app.enc
                  ^^^^^^^ hint openssl-no-integrity: openssl enc notices neither damage nor every wrong password: compress first, or keep a checksum
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | zstd | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass > app.zst.enc
  `,
  check(script, { report }) {
    const hasChecksum = script.calls.some(
      (it) =>
        /^(?:sha\d+sum|b2sum|md5sum|cksum)$/.test(it.program) ||
        (it.program === 'openssl' && it.args[0]?.text === 'dgst'),
    );
    if (hasChecksum) return;
    for (const { call, pipeline, index } of script.callsOf('openssl')) {
      if (!isCipherCall(call) || hasOption(call, '-d')) continue;
      const source = pipeline.calls[index - 1];
      // A file may be compressed; a dump that comes straight from the database is not.
      if (!source || !/^(?:pg_dump(?:all)?|mysqldump)$/.test(source.program)) continue;
      if (source.args.some((it) => /^(?:-F[cd]?|--format(?:=.*)?|-Z\S*|--compress(?:=.*)?)$/.test(it.text))) continue;
      report(
        call.programWord.at,
        'openssl enc notices neither damage nor every wrong password: compress first, or keep a checksum',
      );
    }
  },
});
