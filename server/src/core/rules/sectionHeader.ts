import { isOpaque } from '../opaque.ts';
import { lineBefore, linesAround } from '../pgbackrest/confChange.ts';
import { foldedBy } from '../pgbackrest/folded.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'section-header',
  summary: 'A section header is a name in brackets, alone on its line.',
  why: 'Anything behind the closing bracket, a comment too, is a syntax error: pgBackRest stops every command with error 29.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M32', 'M33', 'P44'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global] # for all stanzas
             ^^^^^^^^^^^^^^^^^ error section-header: nothing may follow the closing bracket, not even a comment
    repo1-path=/backup
    repo1-retention-full=2
  `,
  good: fixture`
    # for all stanzas
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    // What YAML has folded into one line is told as such.
    if (foldedBy(conf)) return;
    const text = conf.text.text;
    for (const { code, start, end } of conf.tree.problems) {
      const line = linesAround(text, start, end);
      if (isOpaque(text.slice(line.lineStart, line.lineEnd))) continue;
      switch (code) {
        case 'text-after-section': {
          const first = start + (/\S/.exec(text.slice(start, end))?.index ?? 0);
          const comment = /^(?:#|;|\/\/|--)?\s*(.*)$/.exec(text.slice(first, end))![1]!;
          report(conf.place(first, end), 'nothing may follow the closing bracket, not even a comment', {
            fix: fix(
              'Move it to a comment of its own',
              conf.edits(lineBefore(text, line, `# ${comment}`), { start, end, newText: '' }),
              { isSafe: true },
            ),
          });
          break;
        }
        case 'unclosed-section':
          report(conf.place(start, end), 'the closing bracket is missing', {
            fix: /^\[[\w.:-]+$/.test(text.slice(start, end))
              ? fix('Close the bracket', conf.edits({ start: end, end, newText: ']' }), { isSafe: true })
              : undefined,
          });
          break;
        case 'empty-section':
          report(conf.place(start, end), 'the section has no name', {
            fix: fix('Call it [global]', conf.edits({ start, end, newText: '[global]' })),
          });
          break;
        default:
      }
    }
  },
});
