import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'empty-value',
  summary: 'An option has a value, or no line.',
  why: 'pgBackRest stops with error 32 as soon as a command reads the option: an empty value is not the default.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M5', 'M62'],
  kinds: ['pgbackrest.conf', 'pgbackrest.global'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-s3-bucket=
    ^^^^^^^^^^^^^^^ error empty-value: repo1-s3-bucket has no value
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.value !== '' || !setting.resolved.definition || setting.resolved.problem) continue;
      report(setting.keyPlace, `${setting.key} has no value`, { fix: fix('Remove the line', setting.remove()) });
    }
  },
});
