import { optionLists } from '../queries/backupOptions.ts';
import { fix, fixture, rule } from '../rule.ts';

export default rule({
  id: 'option-form',
  summary: 'Every option of a backup or restore reaches pgBackRest as one argument.',
  why: 'Options of a restore, and of a backup into a volume, go through a shell: a blank that is not quoted splits them, and the rest is an argument that pgBackRest does not know. Options of a backup into a cloud go through none: two options in one line are one argument, and quotes stay in it. --target means a time only with --type=time, and without a zone it is a time of the server.',
  severity: 'warning',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P53', 'P54', 'C13', 'C14'],
  kinds: ['PostgresBackup', 'PostgresCluster'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGRestore
    metadata: {name: back}
    spec:
      pgCluster: prod
      repoName: repo1
      options:
        - --type=time
        - --target=2026-01-01 10:00:00+00
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ error option-form: a shell splits this at the blank: --target="2026-01-01 10:00:00+00"
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGRestore
    metadata: {name: back}
    spec:
      pgCluster: prod
      repoName: repo1
      options:
        - --type=time
        - --target="2026-01-01 10:00:00+00"
  `,
  check(resource, { report }) {
    for (const { list, isRestore, isCloud } of optionLists(resource)) {
      const items = list.items().filter((it) => it.type === 'string' && it.mapped);
      const texts = items.map((it) => it.text ?? '');
      for (const item of items) {
        const text = item.text ?? '';
        const mapped = item.mapped!;
        const at = mapped.place(0, text.length);
        const [, option, value] = /^--([a-z][a-z0-9-]*)=([^"'\s-][^"']*\s[^"']*?)\s*$/.exec(text) ?? [];
        if (option && value && !/\s--?[a-z]/.test(value)) {
          const better = `--${option}="${value}"`;
          // A plain scalar may hold quotes in its middle.
          if (!isCloud || isRestore)
            report(at, `a shell splits this at the blank: ${better}`, {
              severity: 'error',
              fix: fix(`Change to ${better}`, [{ at, newText: better }]),
            });
        } else if (isCloud && !isRestore && /^--\S+\s+--\S/.test(text)) {
          report(at, 'for a cloud repository this is one argument: one option per line');
        } else if (isCloud && !isRestore && /["']/.test(text)) {
          report(at, 'for a cloud repository no shell takes the quotes off: they become part of the value');
        }
        if (!isRestore) continue;
        const target = /^--target(?:=|\s+)["']?(\d{4}-\d\d-\d\d[ T][^"']*)/.exec(text)?.[1];
        if (target === undefined) continue;
        if (!texts.some((it) => /(?:^|\s)--type[= ]/.test(it)))
          report(at, '--target has no meaning without --type=time');
        else if (!/(?:[+-]\d\d(?::?\d\d)?|Z|UTC|GMT)\s*$/.test(target)) {
          report(at, 'without a zone this is a time of the server: write the offset, e.g. +00', { severity: 'hint' });
        }
      }
    }
  },
});
