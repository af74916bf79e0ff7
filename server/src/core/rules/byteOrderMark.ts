import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'byte-order-mark',
  summary: 'The file begins with its first character, without a byte order mark.',
  why: 'Some Windows editors put three invisible bytes in front. pgBackRest takes them for a part of the first line, and stops every command with error 29.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M38', 'P43'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    ${'\uFEFF'}[global]
    ^ error byte-order-mark: the file begins with a byte order mark
    repo1-path=/backup
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    const problem = conf.tree.problems.find((it) => it.code === 'byte-order-mark');
    if (!problem) return;
    const { start, end } = problem;
    report(conf.place(start, end), 'the file begins with a byte order mark', {
      fix: fix('Remove the byte order mark', conf.edits({ start, end, newText: '' }), { isSafe: true }),
    });
  },
});
