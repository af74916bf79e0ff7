import type { EffectiveOptions } from '../pgbackrest/effective.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { readingsOf } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'stanza-without-pg-path',
  summary: 'The section of a stanza says where its cluster is: pg1-path.',
  why: 'Backup, restore, check, stanza-create and archive-get stop with error 37. The first cluster must have the number 1, and what stands in [STANZA:COMMAND] counts for that command only.',
  severity: 'error',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M43', 'M84'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
     ^^^^ error stanza-without-pg-path: stanza demo has no pg1-path
    pg1-host=db.example.com
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-host=db.example.com
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report, query, target }) {
    const [reading] = readingsOf(conf, query);
    if (!reading?.isWhole || reading.cluster || reading.hasOpaqueLines || reading.isInEnvironment('pg1-path')) return;
    const told = new Set<string>();
    for (const section of conf.tree.sections) {
      const { stanza } = section.scope;
      if (stanza === undefined || unreadSection(section) || told.has(stanza) || section.nameEnd <= section.nameStart)
        continue;
      told.add(stanza);
      const effective = reading.effective(stanza, target.pgbackrest);
      const own = reading.settings.filter((it) => it.scope.stanza === stanza);
      for (const bare of withoutPath(own, effective)) {
        if (!conf.holds(bare) || reading.isInEnvironment(`${bare.group}-path`)) continue;
        report(bare.keyPlace, `${bare.group} of stanza ${stanza} has no ${bare.group}-path`, {
          severity: reading.mayHoldMore ? 'information' : 'error',
        });
      }
      if (effective.setting('pg1-path')) continue;
      // A misspelt or misplaced one is told where it stands.
      if (reading.settings.some((it) => it.resolved.problem && it.resolved.nearest.includes('pg1-path'))) continue;
      if (reading.settings.some((it) => it.resolved.canonical === 'pg1-path' && it.scope.stanza === undefined))
        continue;
      const ofCommand = own.find((it) => it.resolved.canonical === 'pg1-path');
      const other = own.find((it) => it.resolved.name === 'pg-path' && it.scope.command === undefined);
      const detail = ofCommand
        ? `: the one in [${stanza}:${ofCommand.scope.command}] is for that command only`
        : other
          ? `, only ${other.key}`
          : '';
      const renumbered = own.filter((it) => other && it.group === other.group && conf.holds(it));
      report(conf.place(section.nameStart, section.nameEnd), `stanza ${stanza} has no pg1-path${detail}`, {
        severity: reading.mayHoldMore && !ofCommand && !other ? 'information' : 'error',
        fix:
          other && !own.some((it) => it.group === 'pg1')
            ? fix(
                `Rename ${other.group}-… to pg1-…`,
                conf.edits(
                  ...renumbered.flatMap(({ origin, resolved }) =>
                    origin.kind === 'conf'
                      ? [
                          {
                            start: origin.option.keyStart,
                            end: origin.option.keyEnd,
                            newText: resolved.name.replace(/^pg/, 'pg1'),
                          },
                        ]
                      : [],
                  ),
                ),
              )
            : undefined,
      });
    }
  },
});

/** The first option of every further cluster (pg2, pg3 …) that has options which count, and no path. */
function withoutPath(own: readonly Setting[], effective: EffectiveOptions): Setting[] {
  const found = new Map<string, Setting>();
  for (const it of own) {
    const { definition, index, problem } = it.resolved;
    if (definition?.group !== 'pg' || !it.group || index === 1 || problem || it.scope.command !== undefined) continue;
    if (found.has(it.group) || effective.has(`${it.group}-path`) || effective.unmet(definition, index)) continue;
    // A misspelt one is told where it stands; pgN-path in a section of a command is too.
    if (own.some((other) => other.resolved.problem && other.resolved.nearest[0] === `${it.group}-path`)) continue;
    found.set(it.group, it);
  }
  return effective.setting('pg1-path') ? [...found.values()] : [];
}
