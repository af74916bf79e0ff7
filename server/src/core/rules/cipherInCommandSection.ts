import { endOfSection, lineBehind, lineRemoval } from '../pgbackrest/confChange.ts';
import { isKnownCommand } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'cipher-in-command-section',
  summary:
    'Cipher options count for every command: they stand in [global] or in the stanza, not in a section of one command.',
  why: 'A section such as [global:backup] is read by that command alone. stanza-create makes the repository without encryption then, archive-push writes WAL in plain text, and the one command that knows the cipher cannot read what the others wrote.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M42', 'P1', 'P13'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2

    [global:backup]
    repo1-cipher-type=aes-256-cbc
    ^^^^^^^^^^^^^^^^^ error cipher-in-command-section: only backup reads this: for every other command repo1 has another cipher
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ error cipher-in-command-section: only backup reads this: for every other command repo1 has another cipher
  `,
  good: fixture`
    [global]
    repo1-path=/var/lib/pgbackrest
    repo1-retention-full=2
    repo1-cipher-type=aes-256-cbc
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/

    [global:backup]
    process-max=4
  `,
  check(conf, { report }) {
    const inForce = new Set(
      conf.settings.filter((it) => it.scope.command === undefined).map((it) => it.resolved.canonical),
    );
    for (const setting of conf.settings) {
      const { command, stanza } = setting.scope;
      const { name, canonical, problem } = setting.resolved;
      if (!/^repo-cipher-(?:type|pass)$/.test(name) || problem || setting.origin.kind !== 'conf') continue;
      if (command === undefined || !isKnownCommand(command)) continue;
      const option = setting.origin.option;
      const home = conf.tree.sections.find((it) => it.scope.stanza === stanza && it.scope.command === undefined);
      const text = conf.text.text;
      report(
        setting.keyPlace,
        `only ${command} reads this: for every other command ${setting.group} has another cipher`,
        {
          fix:
            home && !inForce.has(canonical)
              ? fix(
                  `Move to [${home.name}]`,
                  conf.edits(
                    lineRemoval(text, option),
                    lineBehind(text, endOfSection(text, home), text.slice(option.keyStart, option.valueEnd)),
                  ),
                )
              : undefined,
        },
      );
    }
  },
});
