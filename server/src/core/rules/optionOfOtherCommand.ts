import { endOfSection, lineBehind, lineRemoval } from '../pgbackrest/confChange.ts';
import { isKnownCommand, isReadBy } from '../pgbackrest/options.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-of-other-command',
  summary: 'The section of a command holds options that this command reads.',
  why: 'Options in [global:archive-push] are for archive-push alone. One that archive-push does not know is a warning when it runs, and has no effect on the command that it was meant for.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M42'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [global:archive-push]
    start-fast=y
    ^^^^^^^^^^ warning option-of-other-command: archive-push does not read start-fast (backup does): this line has no effect
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    start-fast=y

    [global:archive-push]
    compress-level=3
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      const { definition, problem, canonical } = setting.resolved;
      const { command, stanza } = setting.scope;
      if (!definition || problem || command === undefined || !isKnownCommand(command)) continue;
      if (isReadBy(definition, command) || setting.origin.kind !== 'conf') continue;
      const { option } = setting.origin;
      const readers =
        definition.commands.length <= 3
          ? ` (${definition.commands.join(', ')} ${definition.commands.length > 1 ? 'do' : 'does'})`
          : '';
      const home = conf.tree.sections.find((it) => it.scope.stanza === stanza && it.scope.command === undefined);
      const isThere = home?.options.some((it) =>
        conf.settings.some(
          (other) =>
            other.resolved.canonical === canonical && other.origin.kind === 'conf' && other.origin.option === it,
        ),
      );
      const text = conf.text.text;
      report(setting.keyPlace, `${command} does not read ${setting.key}${readers}: this line has no effect`, {
        fixes: [
          home && !isThere
            ? fix(
                `Move to [${home.name}]`,
                conf.edits(
                  lineRemoval(text, option),
                  lineBehind(text, endOfSection(text, home), text.slice(option.keyStart, option.valueEnd)),
                ),
              )
            : undefined,
          fix('Remove the line', setting.remove()),
        ],
      });
    }
  },
});
