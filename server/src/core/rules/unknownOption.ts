import { isShortForm } from '../pgbackrest/sections.ts';
import type { Setting } from '../pgbackrest/setting.ts';
import { settingsAround } from '../queries/confReading.ts';
import { meantCipherOption } from '../queries/repositoryCipher.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'unknown-option',
  summary: 'Every key is an option that pgBackRest knows.',
  why: 'An unknown option costs one warning in the log, once per command, and then its default is used: a misspelt repo1-path puts the backups into /var/lib/pgbackrest, a misspelt retention fills the disk.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M20', 'M21', 'M22', 'M47', 'P36', 'pains P02'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-pth=/backup
    ^^^^^^^^^ error unknown-option: pgBackRest has no option repo1-pth; repo1-path is near
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report, query }) {
    const written = new Set(settingsAround(conf, query).map((it) => identity(it.resolved.canonical, it)));
    for (const setting of conf.settings) {
      const { problem, nearest } = setting.resolved;
      if (meantCipherOption(setting) || isShortForm(setting)) continue;
      switch (problem) {
        case 'unknown': {
          const [meant] = nearest;
          const isSet = meant !== undefined && written.has(identity(meant, setting));
          const also = nearest.length > 1 ? ` (or ${nearest.slice(1).join(', ')})` : '';
          const hint = meant === undefined ? '' : isSet ? `; ${meant} is set already` : `; ${meant}${also} is near`;
          report(setting.keyPlace, `pgBackRest has no option ${printable(setting.key)}${hint}`, {
            fixes: [
              ...(isSet ? [] : nearest.map((it) => fix(`Rename to ${it}`, setting.rename(it)))),
              fix('Remove the line', setting.remove()),
            ],
          });
          break;
        }
        case 'too-long':
          report(setting.keyPlace, 'no option is longer than 64 characters: pgBackRest refuses the file');
          break;
        case 'starts-with-dash':
        case 'starts-with-number':
          report(setting.keyPlace, `an option begins with a letter, not like ${printable(setting.key)}`, {
            fix: nearest[0] === undefined ? undefined : fix(`Rename to ${nearest[0]}`, setting.rename(nearest[0])),
          });
          break;
        default:
      }
    }
  },
});

/** A stray piece of a secret may have become a key; what does not look like a name is not repeated. */
function printable(key: string): string {
  return key.length <= 64 && /^[\p{L}\p{N}_.-]+$/u.test(key) && !/(?=.*\d)(?=.*[A-Z])[A-Za-z0-9]{12,}/.test(key)
    ? key
    : 'of this name';
}

function identity(name: string | undefined, { scope }: Setting): string {
  return `${name}\n${scope.stanza ?? ''}`;
}
