import { fixture, rule } from '../rule.ts';

export default rule({
  id: 'overridden-command-option',
  summary: 'A value for one command is not beaten by one of the stanza.',
  why: 'The order is [STANZA:COMMAND], [STANZA], [global:COMMAND], [global]: what stands in [demo] beats [global:backup], although that looks more special.',
  severity: 'information',
  confidence: 'certain',
  since: '0.1.0',
  product: 'pgBackRest',
  catalogue: ['M44'],
  kinds: ['pgbackrest.conf'],
  bad: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [global:backup]
    process-max=8
    ^^^^^^^^^^^ information overridden-command-option: process-max of [demo] beats this one, also for backup

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    process-max=2
  `,
  good: fixture`
    [global]
    repo1-path=/backup
    repo1-retention-full=2

    [demo:backup]
    process-max=8

    [demo]
    pg1-path=/var/lib/postgresql/15/demo
    process-max=2
  `,
  check(conf, { report }) {
    for (const setting of conf.settings) {
      const { canonical, problem, definition } = setting.resolved;
      const { command, stanza } = setting.scope;
      if (!canonical || problem || definition?.multi || command === undefined || stanza !== undefined) continue;
      const winner = conf.settings.find(
        (it) =>
          it.resolved.canonical === canonical &&
          !it.resolved.problem &&
          it.scope.stanza !== undefined &&
          it.scope.command === undefined &&
          it.value !== setting.value,
      );
      if (!winner) continue;
      report(setting.keyPlace, `${setting.key} of [${winner.scope.stanza}] beats this one, also for ${command}`, {
        related: [{ at: winner.keyPlace, message: 'this one counts' }],
      });
    }
  },
});
