import { repositoriesOf } from '../pgbackrest/repository.ts';
import { settingsAround } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-index',
  summary: 'Options of repositories and clusters carry a number from 1 to 256, all others none.',
  why: 'pgBackRest refuses the file with error 31, in every command that reads this section. (2.45 even crashes on repo0-path.)',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M23', 'M24', 'M25', 'M26', 'M27', 'P56'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo-bundle=y
    ^^^^^^^^^^^ error option-index: repo-bundle lacks the number of its repository: repo1-bundle
    compress1-type=zst
    ^^^^^^^^^^^^^^ error option-index: compress-type takes no number
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-bundle=y
    compress-type=zst
  `,
  check(conf, { report, query }) {
    const settings = settingsAround(conf, query);
    for (const setting of conf.settings) {
      const { problem, definition, canonical, nearest, name } = setting.resolved;
      let meant = canonical ?? nearest[0];
      switch (problem) {
        case 'index-missing':
        case 'index-required-for-deprecated': {
          if (definition?.group === 'repo') {
            const located = repositoriesOf(settings, setting.scope.stanza).filter((it) => it.hasLocation);
            if (located.length === 1) meant = meant?.replace(/^repo\d+/, located[0]!.name);
          }
          const what = definition?.group === 'pg' ? 'cluster' : 'repository';
          report(setting.keyPlace, `${setting.key} lacks the number of its ${what}: ${meant}`, {
            fix: meant === undefined ? undefined : fix(`Rename to ${meant}`, setting.rename(meant)),
          });
          break;
        }
        case 'index-not-allowed': {
          const isOld = setting.resolved.isDeprecated;
          meant = canonical ?? name;
          report(
            setting.keyPlace,
            isOld
              ? `the old name ${setting.resolved.spelling} takes no number; today it is ${meant}`
              : `${name} takes no number`,
            { fix: fix(`Rename to ${meant}`, setting.rename(meant)) },
          );
          break;
        }
        case 'index-out-of-range': {
          const isSet = settings.some((it) => it.resolved.canonical === nearest[0]);
          report(setting.keyPlace, `${setting.key}: numbers go from 1 to 256`, {
            fix:
              nearest[0] === undefined || isSet
                ? undefined
                : fix(`Rename to ${nearest[0]}`, setting.rename(nearest[0])),
          });
          break;
        }
        default:
      }
    }
  },
});
