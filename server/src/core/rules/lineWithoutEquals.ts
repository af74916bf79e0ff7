import { isOpaque } from '../opaque.ts';
import { resolveOption } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'line-without-equals',
  summary: 'Every line is a comment, a section header, or KEY=VALUE.',
  why: 'pgBackRest stops every command with error 29, and says no more than the number of the line.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M35', 'M36'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path: /backup
    ^^^^^^^^^^^^^^^^^^^ error line-without-equals: an option is written KEY=VALUE, with =
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    const text = conf.text.text;
    for (const { code, start, end } of conf.tree.problems) {
      if (code !== 'missing-equals' && code !== 'empty-key') continue;
      const line = text.slice(start, end);
      if (isOpaque(line)) continue;
      const whole = code === 'missing-equals' ? meantLine(line) : undefined;
      report(
        conf.place(start, end),
        code === 'empty-key'
          ? 'the name of the option is missing in front of ='
          : 'an option is written KEY=VALUE, with =',
        {
          fixes: [
            whole === undefined ? undefined : fix(`Write it with =`, conf.edits({ start, end, newText: whole })),
            fix('Make it a comment', conf.edits({ start, end: start, newText: '# ' })),
          ],
        },
      );
    }
  },
});

/** `key: value`, `key value`, a lone boolean or a lone `no-…`: what it says with `=`; undefined where it says nothing. */
function meantLine(line: string): string | undefined {
  const [, key = '', value = ''] = /^([A-Za-z][A-Za-z0-9_-]*)\s*(?::|\s)\s*(\S.*)$/.exec(line) ?? [];
  if (key && isOption(key)) return `${key}=${value}`;
  const { definition, canonical, problem } = resolveOption(line);
  if (definition?.type !== 'boolean') return undefined;
  if (problem === 'negated') return `${canonical}=n`;
  return problem ? undefined : `${line}=y`;
}

function isOption(key: string): boolean {
  const { definition, problem } = resolveOption(key);
  return definition !== undefined && !problem;
}
