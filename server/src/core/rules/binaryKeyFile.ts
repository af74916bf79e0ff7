import { fixture, rule } from '../rule.ts';
import { optionValue } from '../shell/script.ts';

export default rule({
  id: 'binary-key-file',
  summary: 'A file with a passphrase for openssl or gpg is a line of text.',
  why: 'Of a pass file only the first line counts: everything behind the first byte 0A is passed over. Of 32 random bytes about one file in eight holds such a byte, and some near the beginning: then the backup is protected by one or two bytes. openssl rand -hex or -base64 makes text.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P67'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    openssl rand 32 > /etc/backup/pass
    ^^^^^^^ warning binary-key-file: these are raw bytes, and /etc/backup/pass is read as a line of text: -base64
    pg_dump app | gzip | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass > app.gz.enc
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    openssl rand -base64 48 > /etc/backup/pass
    pg_dump app | gzip | openssl enc -aes-256-cbc -pbkdf2 -pass file:/etc/backup/pass > app.gz.enc
  `,
  check(script, { report }) {
    for (const { call, pipeline } of script.callsOf('openssl')) {
      if (
        call.args[0]?.text !== 'rand' ||
        pipeline.calls.length > 1 ||
        call.args.some((it) => /^-(?:hex|base64)$/.test(it.text))
      )
        continue;
      const file = call.redirects.find((it) => it.operator === '>')?.target.text ?? optionValue(call, '-out')?.text;
      if (!file) continue;
      const isRead = script
        .callsOf('openssl', 'gpg', 'gpg2')
        .some(
          ({ call: other }) =>
            other.args.some((it) => it.text === `file:${file}`) ||
            ['--passphrase-file', '-kfile'].some((name) => optionValue(other, name)?.text === file),
        );
      if (isRead) report(call.programWord.at, `these are raw bytes, and ${file} is read as a line of text: -base64`);
    }
  },
});
