import type { Change } from '../pgbackrest/confChange.ts';
import type { ConfSection } from '../pgbackrest/confFile.ts';
import { resolveOption } from '../pgbackrest/options.ts';
import { unreadSection } from '../pgbackrest/sections.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unread-section',
  summary: 'Sections are called [global], [global:COMMAND], [STANZA] or [STANZA:COMMAND], exactly so.',
  why: 'pgBackRest takes every name and complains about none. A section that matches neither the stanza nor a command is never read: cipher, retention and paths in it have no effect, without a word.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M31', 'M46', 'P11'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [Global]
     ^^^^^^ error unread-section: nobody reads [Global]: pgBackRest takes Global for the name of a stanza
    repo1-path=/backup
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    for (const section of conf.tree.sections) {
      const unread = unreadSection(section);
      if (!unread || section.nameEnd <= section.nameStart) continue;
      const { meant, prefix, reason } = unread;
      const rename = meant && !unreadSection({ ...section, name: meant }) ? meant : undefined;
      report(conf.place(section.nameStart, section.nameEnd), `nobody reads [${section.name}]: ${reason}`, {
        severity: section.options.length > 0 ? 'error' : 'warning',
        fix:
          prefix !== undefined
            ? fix(`Write the options as ${prefix}… in [global]`, conf.edits(...lengthened(section, prefix)))
            : rename === undefined
              ? undefined
              : fix(
                  `Rename to [${rename}]`,
                  conf.edits({ start: section.nameStart, end: section.nameEnd, newText: rename }),
                ),
      });
    }
  },
});

/** [repo1] with type=s3 becomes [global] with repo1-type=s3. */
function lengthened(section: ConfSection, prefix: string): Change[] {
  const keys = section.options.map((it) => {
    const whole = resolveOption(prefix + it.key);
    const newText = whole.canonical && !whole.problem ? whole.canonical : (whole.nearest[0] ?? prefix + it.key);
    return { start: it.keyStart, end: it.keyEnd, newText };
  });
  return [{ start: section.nameStart, end: section.nameEnd, newText: 'global' }, ...keys];
}
