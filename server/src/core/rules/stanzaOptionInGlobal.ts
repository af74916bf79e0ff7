import { endOfSection, lineBehind, lineRemoval } from '../pgbackrest/confChange.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'stanza-option-in-global',
  summary: 'Where a cluster is stands in the section of its stanza.',
  why: 'pgBackRest warns, and ignores options of a cluster (pg1-path and its like) in [global]. Commands then stop because pg1-path is missing (error 37), or talk to the wrong port or user.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M41', 'P61'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    pg1-port=5433
    ^^^^^^^^ error stanza-option-in-global: pg1-port is ignored in [global]: it belongs into the section of a stanza

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    pg1-port=5433
  `,
  check(conf, { report }) {
    if (conf.kind === 'pgbackrest.global') {
      for (const setting of conf.settings) {
        if (setting.resolved.definition?.section !== 'stanza' || setting.resolved.problem) continue;
        report(setting.keyPlace, `${setting.key} is ignored in global: the operator sets it for its own stanza`, {
          severity: 'warning',
          fix: fix('Remove the line', setting.remove()),
        });
      }
      return;
    }
    const homes = conf.tree.sections.filter(
      (it) => it.scope.stanza !== undefined && it.scope.command === undefined && !unreadSection(it),
    );
    const home = new Set(homes.map((it) => it.name)).size === 1 ? homes[0] : undefined;
    for (const setting of conf.settings) {
      const { definition, problem, canonical } = setting.resolved;
      if (definition?.section !== 'stanza' || problem || setting.scope.stanza !== undefined) continue;
      if (setting.origin.kind !== 'conf') continue;
      const { option } = setting.origin;
      const text = conf.text.text;
      const isThere = conf.settings.some((it) => it.resolved.canonical === canonical && it.scope.stanza !== undefined);
      report(
        setting.keyPlace,
        `${setting.key} is ignored in [${option.section.name}]: it belongs into the section of a stanza`,
        {
          fix: isThere
            ? fix('Remove the line', setting.remove())
            : home &&
              fix(
                `Move to [${home.name}]`,
                conf.edits(
                  lineRemoval(text, option),
                  lineBehind(text, endOfSection(text, home), text.slice(option.keyStart, option.valueEnd)),
                ),
              ),
        },
      );
    }
  },
});
