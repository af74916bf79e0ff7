import { fix, fixture, rule } from '../rule.ts';
import { isCipherCall } from '../shell/openssl.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'openssl-without-pbkdf2',
  summary: 'openssl enc derives its key with -pbkdf2.',
  why: 'Without -pbkdf2 the key is one round of a digest, and which digest is the default of the OpenSSL at hand: MD5 up to 1.0.2, SHA-256 since 1.1.0. A file made with the one ends with "bad decrypt" in the other, and nothing in the file says which it was. One round also makes guessing the password nearly free. Whoever adds -pbkdf2 to the encrypting side must add it to the decrypting side, and keep the old command for old files.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P61', 'pains P62'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gzip | openssl enc -aes-256-cbc -salt -pass file:/etc/backup/pass > app.sql.gz.enc
                         ^^^^^^^ warning openssl-without-pbkdf2: the key is derived with one round of whatever digest this OpenSSL takes: -pbkdf2 -iter 600000 -md sha256
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gzip | openssl enc -aes-256-cbc -salt -pbkdf2 -iter 600000 -md sha256 -pass file:/etc/backup/pass > app.sql.gz.enc
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('openssl')) {
      if (!isCipherCall(call) || hasOption(call, '-pbkdf2', '-iter', '-K')) continue;
      // Options from a variable or a file may hold it.
      if (call.args.some((it) => /^["']?\$[{@A-Za-z_]/.test(it.text))) continue;
      const isDecrypting = hasOption(call, '-d');
      const last = call.args.find((it) => /^-[a-z]/.test(it.text)) ?? call.programWord;
      report(
        call.programWord.at,
        isDecrypting
          ? 'which digest the key is derived with is left to this OpenSSL: say it with -md, or with -pbkdf2 where the file was made with it'
          : 'the key is derived with one round of whatever digest this OpenSSL takes: -pbkdf2 -iter 600000 -md sha256',
        {
          severity: isDecrypting ? 'hint' : 'warning',
          fix: isDecrypting
            ? undefined
            : fix('Add -pbkdf2 -iter 600000 -md sha256', last.insertAfter('-pbkdf2 -iter 600000 -md sha256')),
        },
      );
    }
  },
});
