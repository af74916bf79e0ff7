import { fixture, rule } from '../rule.ts';
import { hasOption, optionValue } from '../shell/script.ts';

export default rule({
  id: 'gpg-recipient-trust',
  summary: 'A recipient of a backup is named by its fingerprint, and trusted by that.',
  why: 'A key that was only imported is trusted by nobody: with --batch gpg says "There is no assurance this key belongs to the named user" and makes nothing. A name or address may also fit another key that somebody imports later. A whole fingerprint names one key only; then --trust-model always is right.',
  severity: 'hint',
  confidence: 'likely',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P71'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes -r backup@example.com -e -o app.gpg
                                       ^^^^^^^^^^^^^^^^^^ hint gpg-recipient-trust: name the key by its fingerprint, and add --trust-model always
  `,
  good: fixture`
    #!/bin/bash
    set -o pipefail
    pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e -o app.gpg
  `,
  check(script, { report }) {
    for (const { call } of script.callsOf('gpg', 'gpg2')) {
      const recipient = optionValue(call, '-r', '--recipient', '-R', '--hidden-recipient');
      if (!recipient?.value?.isLiteral || hasOption(call, '--trust-model', '--always-trust')) continue;
      if (/^(?:0x)?[0-9A-Fa-f]{32,64}!?$/.test(recipient.text.replaceAll(' ', ''))) continue;
      const { value, text } = recipient;
      report(
        value.placeOf(value.text.length - text.length, value.text.length),
        'name the key by its fingerprint, and add --trust-model always',
      );
    }
  },
});
