import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'list-not-merged',
  summary: 'A list of a stanza replaces the list of [global]; it does not add to it.',
  why: 'The first section that has the option wins with all its lines. The lines of [global] have no effect for this stanza, without a word.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M45'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    exclude=pgsql_tmp
    ^^^^^^^ information list-not-merged: not for demo: its own exclude replaces these lines

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    exclude=log
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    exclude=pgsql_tmp
    exclude=log
  `,
  check(conf, { report }) {
    const told = new Set<string>();
    for (const setting of conf.settings) {
      const { definition, canonical, problem } = setting.resolved;
      if (!definition?.multi || problem || setting.scope.stanza !== undefined || setting.scope.command !== undefined)
        continue;
      if (told.has(canonical!)) continue;
      const own = conf.settings.filter(
        (it) => it.resolved.canonical === canonical && it.scope.stanza !== undefined && it.scope.command === undefined,
      );
      // A stanza that repeats all lines of [global] has thought of it.
      const values = conf.settings.filter((it) => it.resolved.canonical === canonical && it.scope.stanza === undefined);
      const replaced = own.find((it) => {
        const list = own.filter((other) => other.scope.stanza === it.scope.stanza);
        return values.some((value) => !list.some((other) => other.value === value.value));
      });
      if (!replaced) continue;
      told.add(canonical!);
      report(setting.keyPlace, `not for ${replaced.scope.stanza}: its own ${setting.key} replaces these lines`, {
        related: [{ at: replaced.keyPlace, message: `the list of ${replaced.scope.stanza}` }],
      });
    }
  },
});
