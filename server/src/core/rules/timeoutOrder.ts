import { formatTime, parseTime } from '../pgbackrest/units.ts';
import { readingsOf } from '../queries/confReading.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'timeout-order',
  summary: 'protocol-timeout is longer than db-timeout.',
  why: 'When both are set and protocol-timeout is not the longer one, pgBackRest stops with error 32. Where one is left out, its default follows the other.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M65'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    db-timeout=30m
    protocol-timeout=30m
    ^^^^^^^^^^^^^^^^ error timeout-order: protocol-timeout (30m) must be longer than db-timeout (30m)
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2
    db-timeout=30m
    protocol-timeout=31m
  `,
  check(conf, { report, query, target }) {
    for (const reading of readingsOf(conf, query)) {
      for (const stanza of reading.stanzas) {
        const effective = reading.effective(stanza, target.pgbackrest);
        const db = effective.setting('db-timeout');
        const protocol = effective.setting('protocol-timeout');
        const dbMs = parseTime(db?.value ?? '');
        const protocolMs = parseTime(protocol?.value ?? '');
        if (!db || !protocol || dbMs === undefined || protocolMs === undefined || protocolMs > dbMs) continue;
        if (!conf.holds(protocol)) continue;
        const longer =
          protocol.value.endsWith('m') || protocol.value.endsWith('h')
            ? formatTime(dbMs + 60_000)
            : String(dbMs / 1000 + 60);
        report(protocol.keyPlace, `protocol-timeout (${protocol.value}) must be longer than db-timeout (${db.value})`, {
          related: [{ at: db.valuePlace, message: 'db-timeout' }],
          fix: fix(`Set protocol-timeout to ${longer}`, protocol.setValue(longer)),
        });
        return;
      }
    }
  },
});
