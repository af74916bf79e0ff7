import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'obsolete-compress',
  summary: 'Compression is chosen with compress-type.',
  why: 'compress is left over from times with one kind of compression. Beside compress-type pgBackRest warns and ignores it; compress=n alone means compress-type=none.',
  severity: 'hint',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M60'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    compress=n
    ^^^^^^^^ hint obsolete-compress: compress is obsolete: compress-type says it all
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    compress-type=none
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      if (setting.resolved.canonical !== 'compress' || setting.resolved.problem || setting.origin.kind !== 'conf')
        continue;
      const hasType = conf.settings.some(
        (it) => it.resolved.canonical === 'compress-type' && it.scope.stanza === setting.scope.stanza,
      );
      const { keyStart, valueEnd } = setting.origin.option;
      report(setting.keyPlace, 'compress is obsolete: compress-type says it all', {
        tags: ['deprecated'],
        severity: hasType ? 'warning' : 'hint',
        fix:
          hasType || setting.value === 'y'
            ? fix('Remove the line', setting.remove(), { isSafe: true })
            : setting.value === 'n'
              ? fix(
                  'Write compress-type=none',
                  conf.edits({ start: keyStart, end: valueEnd, newText: 'compress-type=none' }),
                  { isSafe: true },
                )
              : undefined,
      });
    }
  },
});
