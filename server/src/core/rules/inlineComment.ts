import { lineBefore } from '../pgbackrest/confChange.ts';
import { readSettingOf } from '../queries/settingValue.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'inline-comment',
  summary: 'A comment has a line of its own, never one behind a value.',
  why: 'All of the line is the value. A number or a word of a list is refused then (error 32); a path, a host or a passphrase is taken with the comment in it, and works until somebody reads the file as it was meant.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M7', 'M51', 'P16'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2 # two weeks
                          ^^^^^^^^^^^^ error inline-comment: a comment needs a line of its own: here it is part of repo1-retention-full
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    # two weeks
    repo1-retention-full=2
  `,
  check(conf, context) {
    for (const { setting, problems, at } of readSettingOf(conf, context)) {
      const problem = problems.find((it) => it.code === 'inline-comment');
      if (!problem || setting.origin.kind !== 'conf') continue;
      const { option } = setting.origin;
      const text = conf.text.text;
      const comment = option.value.slice(problem.start, problem.end).replace(/^\s*(?:#|;|\/\/)*\s*/, '');
      const isPass = setting.resolved.name === 'repo-cipher-pass';
      context.report(at(problem), problem.message, {
        fix: fix(
          isPass
            ? 'Move the comment above (only before the stanza is created: it is part of the pass)'
            : 'Move the comment above',
          conf.edits(lineBefore(text, option, `# ${comment}`), {
            start: option.valueStart + problem.start,
            end: option.valueEnd,
            newText: '',
          }),
          { isSafe: problem.effect === 'refused' },
        ),
      });
    }
  },
});
