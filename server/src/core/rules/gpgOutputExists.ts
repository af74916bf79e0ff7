import { fix, fixture, rule } from '../rule.ts';
import { hasOption, optionValue } from '../shell/script.ts';

export default rule({
  id: 'gpg-output-exists',
  summary: 'gpg that writes to the same file each time may overwrite it.',
  why: 'When the file is there, gpg asks, and with --batch or without a terminal it refuses: "File exists". The file of the last run stays, and the next step of the script uploads it once more under a new date.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P73'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -eo pipefail
    pg_dump app | gpg --batch --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e -o /tmp/app.gpg
                                                                                                     ^^^^^^^^^^^^ hint gpg-output-exists: the second run finds this file and refuses to write it: --yes
  `,
  good: fixture`
    #!/bin/bash
    set -eo pipefail
    pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e -o /tmp/app.gpg
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('gpg', 'gpg2')) {
      const output = optionValue(call, '-o', '--output');
      if (!output?.value?.isLiteral || !output.text || output.text === '-' || hasOption(call, '--yes')) continue;
      if (hasOption(call, '-d', '--decrypt', '--export', '--export-secret-keys', '--dearmor')) continue;
      const isRemoved = script.calls.some(
        (it) => /^(?:rm|mktemp|shred)$/.test(it.program) && it.args.some((arg) => arg.text === output.text),
      );
      if (isRemoved) continue;
      const { value, text } = output;
      report(
        value.placeOf(value.text.length - text.length, value.text.length),
        'the second run finds this file and refuses to write it: --yes',
        {
          fix: fix('Add --yes', call.programWord.insertAfter('--yes'), { isSafe: true }),
        },
      );
    }
  },
});
