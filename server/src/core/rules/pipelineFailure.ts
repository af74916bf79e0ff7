import { fix, fixture, rule } from '../rule.ts';
import type { Call, Script } from '../shell/script.ts';
import { hasOption } from '../shell/script.ts';

export default rule({
  id: 'pipeline-failure',
  summary: 'A pipeline that makes or opens a backup fails when any of its programs fails.',
  why: 'Without pipefail the exit code is that of the last program: pg_dump loses its connection, gpg encrypts the half that came, and the script goes on as if there were a backup. The other way round a decryption that stops in the middle is hidden by the psql behind it. set -o pipefail is known to Bash, Zsh and the shells of POSIX 2024; where it is not, write to a file step by step.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Scripts',
  catalogue: ['pains P74', 'pains P77'],
  kinds: ['Script'],
  bad: fixture`
    #!/bin/bash
    set -eu
    pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e > app.gpg
    ^^^^^^^ warning pipeline-failure: when pg_dump fails, nobody notices: set -o pipefail
  `,
  good: fixture`
    #!/bin/bash
    set -euo pipefail
    pg_dump app | gpg --batch --yes --trust-model always -r 0123456789ABCDEF0123456789ABCDEF01234567 -e > app.gpg
  `,
  check(script, { report }) {
    if (script.traits.hasPipefail) return;
    if (/PIPESTATUS|pipestatus|mispipe/.test(script.part.text)) return;
    let isFirst = true;
    for (const { calls } of script.pipelines) {
      if (calls.length < 2 || !calls.some((it) => isCrypt(it))) continue;
      const hidden = calls.slice(0, -1).find((it) => isSource(it) || isCrypt(it));
      if (!hidden) continue;
      report(
        hidden.programWord.at,
        `when ${hidden.program} fails, nobody notices: ${script.traits.isPosix ? 'run it with bash and set -o pipefail' : 'set -o pipefail'}`,
        {
          // One line cures all pipelines.
          fix: isFirst ? addPipefail(script) : undefined,
        },
      );
      isFirst = false;
    }
  },
});

function isSource({ program, args }: Call): boolean {
  if (program === 'tar') return args.some((it) => /^-?-?[a-zA-Z]*c/.test(it.text) && !/^--(?!create)/.test(it.text));
  return /^(?:pg_dump|pg_dumpall|pg_basebackup|mysqldump|mariadb-dump|mongodump)$/.test(program);
}

/** What encrypts or decrypts a stream. */
function isCrypt(call: Call): boolean {
  if (/^gpg2?$/.test(call.program)) {
    return (
      hasOption(call, '-e', '--encrypt', '-c', '--symmetric', '-d', '--decrypt') ||
      call.args.some((it) => /^-[a-z]*[ecd][a-z]*$/.test(it.text))
    );
  }
  if (call.program === 'age') return true;
  return call.program === 'openssl' && /^(?:enc|smime|cms|-?aes.*)$/.test(call.args[0]?.text ?? '');
}

/** Behind the first line of the script, where Bash runs it. */
function addPipefail({ part, traits }: Script) {
  if (!traits.isText || part.language !== 'shell' || traits.isUnattended || traits.isPosix) return undefined;
  const shebang = /^#![^\n]*\n/.exec(part.text)?.[0];
  if (!shebang || !/(?:ba|z|k)sh/.test(shebang)) return undefined;
  return fix(
    'Add set -o pipefail',
    [{ at: part.place(shebang.length, shebang.length), newText: 'set -o pipefail\n' }],
    { isSafe: true },
  );
}
