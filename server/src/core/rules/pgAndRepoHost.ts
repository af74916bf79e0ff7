import { readingsOf } from '../queries/confReading.ts';
import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'pg-and-repo-host',
  summary: 'One file is for one host: the cluster is elsewhere, or the repository is, not both.',
  why: 'With both pgN-host and repoN-host pgBackRest stops with error 27. Each host has a file of its own: the database host with repo1-host, the repository host with pg1-host.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M81'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-host=backup.example.com
    ^^^^^^^^^^ error pg-and-repo-host: both the repository and the cluster are said to be on another host
    repo1-path=/backup

    [demo]
    pg1-host=db.example.com
    pg1-path=/var/lib/postgresql/15/demo
  `,
  good: fixture`
    [global]
    repo1-host=backup.example.com

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
  `,
  check(conf, { report, query, target }) {
    for (const reading of readingsOf(conf, query)) {
      if (reading.cluster || reading.hasOpaqueLines) continue;
      for (const stanza of reading.stanzas) {
        const effective = reading.effective(stanza, target.pgbackrest);
        const inForce = reading
          .seenBy(stanza)
          .filter((it) => it.resolved.canonical !== undefined && effective.setting(it.resolved.canonical) === it);
        const repo = inForce.find((it) => it.resolved.name === 'repo-host');
        const pg = inForce.find((it) => it.resolved.name === 'pg-host');
        if (!repo || !pg || !conf.holds(repo)) continue;
        report(repo.keyPlace, 'both the repository and the cluster are said to be on another host', {
          related: [{ at: pg.keyPlace, message: 'the cluster is elsewhere' }],
        });
        return;
      }
    }
  },
});
