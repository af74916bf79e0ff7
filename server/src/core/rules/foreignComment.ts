import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'foreign-comment',
  summary: 'A comment begins with #, at the start of its line.',
  why: 'pgBackRest knows no other comments. A line that begins with ; or // is a syntax error, and stops every command with error 29; if it holds a =, it is taken for an unknown option.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M37', 'pains P22'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    ; the main repository
    ^^^^^^^^^^^^^^^^^^^^^ error foreign-comment: a comment begins with #, not with ;
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  good: fixture`
    # the main repository
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    const text = conf.text.text;
    const comments = conf.tree.problems
      .filter((it) => it.code === 'foreign-comment')
      .map((it) => ({ ...it, mark: text[it.start] === ';' ? ';' : '//' }));
    const change = (it: { start: number; mark: string }) => ({
      start: it.start,
      end: it.start + it.mark.length,
      newText: '#',
    });
    const all = comments.length > 1 ? fix('Begin all comments with #', conf.edits(...comments.map(change))) : undefined;
    for (const it of comments) {
      report(conf.place(it.start, it.end), `a comment begins with #, not with ${it.mark}`, {
        fixes: [fix('Begin it with #', conf.edits(change(it)), { isSafe: true }), all],
      });
    }
  },
});
