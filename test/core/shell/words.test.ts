import { describe, expect, test } from 'vitest';
import { readShell } from '../../../server/src/core/shell/words.ts';
import { checkDiagnostics } from '../../support/check.ts';

/** Commands with `|` between those of one pipeline and `;` between pipelines. */
const read = (text: string) =>
  readShell(text)
    .map(({ commands }) =>
      commands
        .map(
          (it) =>
            [
              ...it.assignments.map(({ name, value }) => `${name}:=${value.text}`),
              ...it.words.map((word) => word.text),
            ].join(' ') + it.redirects.map(({ operator, target }) => ` ${operator}${target.text}`).join(''),
        )
        .join(' | '),
    )
    .join(' ; ');

test.each([
  ['a b c', 'a b c'],
  ['a | b |& c > d 2>&1', 'a | b | c >d >&1'],
  ['a && b || c & d; e', 'a ; b ; c ; d ; e'],
  ['a |\n  b |\n\n  c', 'a | b | c'],
  ['a \\\n  b', 'a b'],
  [`a 'b c' "d e" f\\ g`, 'a b c d e f g'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's
  [`a "$X" $'y' "\${Z:-1}"`, 'a $X $y ${Z:-1}'],
  ['X=1 Y="2 3" a b=c', 'X:=1 Y:=2 3 a b=c'],
  ['# a comment\na # another\nb#c', 'a ; b#c'],
  ['cat <<EOF | b\nnot | a command\nEOF\nc', 'cat | b ; c'],
  ['cat <<-"END"\n\tgpg -c\n\tEND\nd', 'cat ; d'],
  ['a $(b | c) d', 'b | c ; a $(b | c) d'],
  ['a `b` c', 'b ; a `b` c'],
  ['if a; then b; else c; fi', 'a ; b ; c'],
  ['for x in 1 2; do a | b; done', 'for x in 1 2 ; a | b'],
  ['f() { a | b; }', 'f ; a | b'],
  ['case $x in y) a;; *) b;; esac', 'case $x in y ; a ; * ; b'],
  ['(a; b) | c', 'a ; b ; c'],
  ['a $((1+2)) b', 'a $((1+2)) b'],
  ['a <<<"text" >/dev/null', 'a <<<text >/dev/null'],
  ["a 'not closed", 'a not closed'],
  ['a "$(', 'a $('],
  ['', ''],
])('%j', (text, expected) => {
  expect(read(text)).toBe(expected);
});

test('a text of brackets, quotes and dollars takes no more time than its length', () => {
  const start = performance.now();
  for (const piece of ['$(', '`', '"$(', '((', '${', '<<E ', "'", 'a|']) readShell(piece.repeat(20_000));
  expect(performance.now() - start).toBeLessThan(60_000);
});

describe('a call is found wherever it is written', () => {
  const job = (container: string) => `
apiVersion: batch/v1
kind: Job
metadata: {name: dump}
spec:
  template:
    spec:
      containers:
        - name: dump
          image: postgres
${container}`;

  test('in a block of a container', () => {
    checkDiagnostics(
      job(`          command: [/bin/bash, -c]
          args:
            - |
              pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e > /out
              ^^^^^^^ warning pipeline-failure
`),
    );
  });

  test('in a quoted text of a container, and not where pipefail is among the arguments', () => {
    checkDiagnostics(
      job(`          command: [bash, -o, pipefail, -c, "pg_dump app | openssl enc -aes-256-cbc -k secret > /out"]
                                                           ^^^^^^^ warning openssl-without-pbkdf2
                                                           ^^^^^^^ hint openssl-no-integrity
                                                                                       ^^^^^^ warning password-argument
`),
    );
  });

  test('in a list of arguments, without a shell', () => {
    checkDiagnostics(
      job(`          command: [pgbackrest]
          args:
            - --stanza=main
            - --repo1-cipher-pass=abc
              ^^^^^^^^^^^^^^^^^^^ error secret-on-command-line
            - backup
`),
    );
  });

  test('in a text inside of a text, and behind what only starts it', () => {
    checkDiagnostics(
      `
#!/bin/sh
su postgres -c "pgbackrest --stanza=main --repo1-s3-key-secret=x info"
                                         ^^^^^^^^^^^^^^^^^^^^^ error secret-on-command-line
sudo -u postgres env A=b pgbackrest --repo1-cipher-pass=x info
                                    ^^^^^^^^^^^^^^^^^^^ error secret-on-command-line
`,
      { defaultName: '/run.sh' },
    );
  });

  test('in an archive_command', () => {
    checkDiagnostics(
      `
wal_level = replica
archive_command = 'pgbackrest --stanza=main --repo1-cipher-pass=x archive-push %p'
                                            ^^^^^^^^^^^^^^^^^^^ error secret-on-command-line
`,
      { defaultName: '/postgresql.conf' },
    );
  });

  test('in a script of a ConfigMap', () => {
    checkDiagnostics(`
apiVersion: v1
kind: ConfigMap
metadata: {name: scripts}
data:
  backup.sh: |
    #!/bin/bash
    set -euo pipefail
    pg_dump app | gpg --batch --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e -o /tmp/app.gpg
                                                                                                     ^^^^^^^^^^^^ hint gpg-output-exists
`);
  });

  test('and other programs, other scripts and comments are left alone', () => {
    checkDiagnostics(
      `
#!/bin/bash
# pg_dump app | gpg -e > x
echo "pg_dump app | gpg -e"
cat <<EOF
pg_dump app | gpg -e > x
EOF
psql -c 'select 1' | sort
gpg --version
openssl version
openssl x509 -in a.pem -noout
`,
      { defaultName: '/x.sh' },
    );
  });
});
