import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'line-too-long',
  summary: 'A line has at most 65,536 bytes.',
  why: 'pgBackRest cannot read a longer one, and stops every command with error 42. It is usually a certificate or a whole file that was pasted where its path belongs.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: [],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    repo1-gcs-key=${'x'.repeat(65_536)}
    ${'^'.repeat(65_550)} error line-too-long: this line is longer than the 65,536 bytes that pgBackRest reads
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
  `,
  check(conf, { report }) {
    for (const { code, start, end } of conf.tree.problems) {
      if (code !== 'line-too-long') continue;
      report(conf.place(start, end), 'this line is longer than the 65,536 bytes that pgBackRest reads');
    }
  },
});
