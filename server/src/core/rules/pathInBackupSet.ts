import type { Setting } from '../pgbackrest/setting.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'path-in-backup-set',
  summary: 'The path of a repository is its root.',
  why: 'A repository is the folder that holds archive/ and backup/. With the path of one backup in it pgBackRest looks for archive.info below that backup and finds nothing (error 55). Which backup to restore is said with --set.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['C7', 'pains P31'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backups/backup/main/20260420-104207F
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error path-in-backup-set: this is one backup; the repository is /backups
    repo1-retention-full=2
  `,
  good: fixture`
    [global]
    repo1-path=/backups
    repo1-retention-full=2
  `,
  check(options, { report }) {
    for (const setting of options.settings as readonly Setting[]) {
      if (setting.resolved.name !== 'repo-path' || setting.isOpaque) continue;
      const match =
        /^(.*?)\/(?:backup|archive)\/[^/]+\/(?:\d{8}-\d{6}F(?:_\d{8}-\d{6}[DI])?|latest|\d+-\d+)(?:\/.*)?$/.exec(
          setting.value,
        );
      if (!match) continue;
      const root = match[1] || '/';
      report(setting.valuePlace, `this is one backup; the repository is ${root}`, {
        fix: fix(`Change to ${root}`, setting.setValue(root)),
      });
    }
  },
});
