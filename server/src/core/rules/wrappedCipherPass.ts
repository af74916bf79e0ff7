import { linesAround } from '../pgbackrest/confChange.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'wrapped-cipher-pass',
  summary: 'A pass stands on one line.',
  why: 'openssl rand -base64 breaks its output after 64 characters. pgBackRest takes the first line for the whole pass; the second is a syntax error (29), or, when it ends with = , an unknown option that costs one warning. Whoever later uses the whole pass to restore cannot read a byte.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['P14'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    7mKc2Xw9Pz4QsVbN1uTfGg==
    ^^^^^^^^^^^^^^^^^^^^^^^^ error wrapped-cipher-pass: repo1-cipher-pass ends with its line: this is not a part of it
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/7mKc2Xw9Pz4QsVbN1uTfGg==
  `,
  check(conf, { report }) {
    const wrapped = conf.tree.problems.filter((it) => it.code === 'wrapped-value');
    for (const first of wrapped) {
      const option = first.option!;
      const lines = wrapped.filter((it) => it.option === option);
      if (lines[0] !== first) continue;
      const last = lines.at(-1)!;
      const text = conf.text.text;
      const joined = lines.map((it) => text.slice(it.start, it.end)).join('');
      report(conf.place(first.start, last.end), `${option.key} ends with its line: this is not a part of it`, {
        related: [{ at: conf.place(option.keyStart, option.keyEnd), message: 'the pass begins here' }],
        fix: fix(
          'Join the lines (only before the stanza is created)',
          conf.edits({
            start: option.valueEnd - (option.value.endsWith('\\') ? 1 : 0),
            end: linesAround(text, last.start, last.end).lineEnd,
            newText: joined,
          }),
        ),
      });
    }
  },
});
