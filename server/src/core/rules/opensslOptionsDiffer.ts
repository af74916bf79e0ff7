import { fixture, rule } from '../rule.ts';
import { cipherOptions, isCipherCall } from '../shell/openssl.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'openssl-options-differ',
  summary: 'What encrypts and what decrypts say the same to openssl.',
  why: 'A file of openssl enc holds a salt and nothing else: cipher, digest, -pbkdf2 and the number of iterations must be given again exactly as they were. With others the password is right and the key is wrong: "bad decrypt", and now and then garbage with exit code 0. The difference is usually made when somebody silences a warning on one side only.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P62'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    backup() { pg_dump app | gzip | openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -pass file:/etc/pass > app.enc; }
    restore() { openssl enc -d -aes-256-cbc -pbkdf2 -pass file:/etc/pass -in app.enc | gunzip | psql app; }
                ^^^^^^^ warning openssl-options-differ: this decrypts with the default of -iter, and the script encrypts with -iter 600000
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    backup() { pg_dump app | gzip | openssl enc -aes-256-cbc -pbkdf2 -iter 600000 -pass file:/etc/pass > app.enc; }
    restore() { openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -pass file:/etc/pass -in app.enc | gunzip | psql app; }
  `,
  check(script, { report }) {
    const calls = script
      .callsOf('openssl')
      .filter(({ call }) => isCipherCall(call))
      .map((it) => it.call);
    const encrypting = calls.filter((it) => !hasOption(it, '-d')).map(cipherOptions);
    if (encrypting.length === 0) return;
    for (const call of calls.filter((it) => hasOption(it, '-d'))) {
      const mine = cipherOptions(call);
      if (mine.hasUnknown || encrypting.some((it) => it.hasUnknown)) continue;
      const differences = encrypting.map((it) =>
        mine.options.flatMap(([name, value], i) =>
          value === it.options[i]![1] ? [] : [{ name, value, other: it.options[i]![1] }],
        ),
      );
      // With several ways to encrypt, one of them has to fit.
      if (differences.some((it) => it.length === 0)) continue;
      const nearest = differences.toSorted((a, b) => a.length - b.length)[0]![0]!;
      const say = (value: string | undefined) => value ?? `the default of ${nearest.name}`;
      report(
        call.programWord.at,
        `this decrypts with ${say(nearest.value)}, and the script encrypts with ${say(nearest.other)}`,
      );
    }
  },
});
