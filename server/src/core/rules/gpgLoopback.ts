import { fix, fixture, rule } from '../rule.ts';
import { hasOption, optionValue } from '../shell/script.ts';

export default rule({
  id: 'gpg-loopback',
  summary: 'A passphrase for gpg comes with --batch and --pinentry-mode loopback.',
  why: 'Since 2.1 gpg leaves passphrases to its agent, and passes --passphrase, --passphrase-file and --passphrase-fd over unless it runs with --batch; up to 2.2 it also wants --pinentry-mode loopback. From cron or a container, where no terminal is, it stops with "Inappropriate ioctl for device", and the backup is empty.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P70'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --yes --passphrase-file /etc/backup/pass -c > app.gpg
                            ^^^^^^^^^^^^^^^^^ warning gpg-loopback: gpg 2 passes over --passphrase-file without --batch --pinentry-mode loopback
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes --pinentry-mode loopback --passphrase-file /etc/backup/pass -c > app.gpg
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('gpg', 'gpg2')) {
      const given = optionValue(call, '--passphrase', '--passphrase-file', '--passphrase-fd');
      if (!given || call.args.some((it) => /^["']?\$[{@A-Za-z_]/.test(it.text) && /OPT|ARG|FLAG|@/i.test(it.text)))
        continue;
      const missing = [
        ...(hasOption(call, '--batch') ? [] : ['--batch']),
        ...(optionValue(call, '--pinentry-mode')?.text === 'loopback' || hasOption(call, '--no-use-agent')
          ? []
          : ['--pinentry-mode loopback']),
      ];
      if (missing.length === 0) continue;
      const name = given.name.text.replace(/=.*/s, '');
      report(given.name.placeOf(0, name.length), `gpg 2 passes over ${name} without ${missing.join(' ')}`, {
        // gpg 2.4 needs no loopback beside --batch and a passphrase of its own.
        severity: missing.includes('--batch') ? 'warning' : 'hint',
        fix: fix(`Add ${missing.join(' ')}`, call.programWord.insertAfter(missing.join(' ')), { isSafe: true }),
      });
    }
  },
});
