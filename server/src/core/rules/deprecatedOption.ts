import type { Setting } from '../pgbackrest/setting.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'deprecated-option',
  summary: 'Options are written with their names of today.',
  why: 'pgBackRest still accepts the old name without a word. Beside the new name of the same option it is a duplicate (error 31), and whoever searches the manual for it finds nothing.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M30', 'pains P14'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo-path=/backup
    ^^^^^^^^^ hint deprecated-option: repo-path is today repo1-path
    retention-full=2
    ^^^^^^^^^^^^^^ hint deprecated-option: retention-full is today repo1-retention-full
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    const today = new Set(conf.settings.filter((it) => it.key === it.resolved.canonical).map(identity));
    // Beside the new name the old one is a duplicate, and told as such.
    const old = conf.settings.filter(
      (it) =>
        !it.resolved.problem && it.resolved.canonical && it.key !== it.resolved.canonical && !today.has(identity(it)),
    );
    const renamings = old.flatMap(({ origin, resolved }) =>
      origin.kind === 'conf'
        ? [{ start: origin.option.keyStart, end: origin.option.keyEnd, newText: resolved.canonical! }]
        : [],
    );
    const all = old.length > 1 ? fix('Rename all old options of this file', conf.edits(...renamings)) : undefined;
    for (const setting of old) {
      const name = setting.resolved.canonical!;
      report(setting.keyPlace, `${setting.key} is today ${name}`, {
        tags: ['deprecated'],
        fixes: [fix(`Rename to ${name}`, setting.rename(name), { isSafe: true }), all],
      });
    }
  },
});

function identity({ resolved, scope }: Setting): string {
  return `${resolved.canonical}\n${scope.stanza ?? ''}\n${scope.command ?? ''}`;
}
