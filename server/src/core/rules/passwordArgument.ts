import { fixture, rule } from '../rule.ts';
import { type Call, optionValue, type Word } from '../shell/script.ts';

export default rule({
  id: 'password-argument',
  summary: 'A password is not an argument of a program.',
  why: 'Arguments are seen by every user of the machine while the program runs, and a script that holds the password goes wherever the script goes: into git, into images, into logs of CI systems. gpg reads it from --passphrase-file or --passphrase-fd, openssl from -pass file: or -pass env:.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes --pinentry-mode loopback --passphrase hunter2-hunter2 -c > app.sql.gpg
                                                                          ^^^^^^^^^^^^^^^ warning password-argument: the password stands in the script, and every user of the machine sees it while gpg runs: --passphrase-file
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes --pinentry-mode loopback --passphrase-file /etc/backup/pass -c > app.sql.gpg
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('gpg', 'gpg2', 'openssl')) {
      const found = call.program === 'openssl' ? opensslPassword(call) : gpgPassword(call);
      if (!found) continue;
      const { word, text, at, instead } = found;
      const isWritten = word.isLiteral && text !== '';
      report(
        at,
        isWritten
          ? `the password stands in the script, and every user of the machine sees it while ${call.program} runs: ${instead}`
          : `every user of the machine sees the password while ${call.program} runs: ${instead}`,
        { severity: isWritten ? 'warning' : 'hint' },
      );
    }
  },
});

function gpgPassword(call: Call) {
  const given = optionValue(call, '--passphrase');
  // An empty one stands for a key without a password.
  if (!given?.value || given.text === '') return undefined;
  const start = given.value.text.length - given.text.length;
  return {
    word: given.value,
    text: given.text,
    at: given.value.placeOf(start, given.value.text.length),
    instead: '--passphrase-file',
  };
}

function opensslPassword(call: Call): { word: Word; text: string; at: Word['at']; instead: string } | undefined {
  for (const name of ['-pass', '-passin', '-passout', '-k'] as const) {
    const given = optionValue(call, name);
    if (!given?.value) continue;
    const [prefix] = name === '-k' ? [''] : (/^pass:/.exec(given.text) ?? []);
    if (prefix === undefined) continue;
    const { value } = given;
    return {
      word: value,
      text: given.text.slice(prefix.length),
      at: value.placeOf(prefix.length, value.text.length),
      instead: '-pass file: or -pass env:',
    };
  }
  return undefined;
}
