import { lineBefore, linesAround } from '../pgbackrest/confChange.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-outside-section',
  summary: 'A section header stands above the first option, in every file.',
  why: 'pgBackRest stops every command with error 29. Each file of conf.d, and so each entry of a mounted Secret, is read for itself first and needs its own [global]. The message repeats the line, with the secret in it, into the log.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M34', 'P10'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    repo1-path=/backup
    ^^^^^^^^^^^^^^^^^^ error option-outside-section: no section header stands above this option
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    // Only the first one: the others follow it under the same header.
    const problem = conf.tree.problems.find((it) => it.code === 'outside-section');
    if (!problem) return;
    const text = conf.text.text;
    report(conf.place(problem.start, problem.end), 'no section header stands above this option', {
      fix: fix(
        'Insert [global] above',
        conf.edits(lineBefore(text, linesAround(text, problem.start, problem.end), '[global]')),
        { isSafe: true },
      ),
    });
  },
});
