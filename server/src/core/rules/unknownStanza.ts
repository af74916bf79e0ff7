import { nearestName } from '../nearest.ts';
import { fix, fixture, rule } from '../rule.ts';
import { optionValue } from '../shell/script.ts';

export default rule({
  id: 'unknown-stanza',
  summary: 'A command names a stanza that the configuration has.',
  why: 'Without a section of that name pgBackRest has no pg1-path and stops with error 37. In an archive_command that means that no WAL file is archived.',
  severity: 'warning',
  confidence: 'likely',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M46'],
  kinds: ['Script'],
  bad: fixture`
    #- /pgbackrest.conf
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    [main]
    pg1-path=/var/lib/postgresql/15/main
    #- /postgresql.conf
    archive_command = 'pgbackrest --stanza=demo archive-push %p'
                                           ^^^^ warning unknown-stanza: pgbackrest.conf has no section [demo]: it has [main]
  `,
  good: fixture`
    #- /pgbackrest.conf
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    [main]
    pg1-path=/var/lib/postgresql/15/main
    #- /postgresql.conf
    archive_command = 'pgbackrest --stanza=main archive-push %p'
  `,
  check(script, { report, query }) {
    const { uri } = script.part;
    const folder = uri.slice(0, uri.lastIndexOf('/'));
    const confs = [...query.confsInFolder(folder), ...query.confsInFolder(`${folder}/conf.d`)];
    const main = confs.find((it) => it.part.uri === `${folder}/pgbackrest.conf`);
    // Sections in other files or written by a renderer are not seen.
    if (!main || confs.some((it) => it.tree.hasOpaqueLines)) return;
    const stanzas = [...new Set(confs.flatMap((it) => it.stanzas))];
    if (stanzas.length === 0) return;
    for (const { call } of script.callsOf('pgbackrest')) {
      const given = optionValue(call, '--stanza');
      if (!given?.value?.isLiteral || given.text === '' || stanzas.includes(given.text)) continue;
      if (optionValue(call, '--config', '--config-path', '--pg1-path')) continue;
      const at = given.value.placeOf(given.value.text.length - given.text.length, given.value.text.length);
      const near = stanzas.length === 1 ? stanzas[0] : nearestName(stanzas, given.text);
      report(
        at,
        `pgbackrest.conf has no section [${given.text}]: it has ${stanzas.map((it) => `[${it}]`).join(', ')}`,
        {
          fix: near ? fix(`Change to ${near}`, [{ at, newText: near }]) : undefined,
        },
      );
    }
  },
});
