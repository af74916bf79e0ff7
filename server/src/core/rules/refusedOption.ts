import { resolveOption } from '../pgbackrest/options.ts';
import { optionLists } from '../queries/backupOptions.ts';
import { fix, fixture, rule } from '../rule.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'refused-option',
  summary: 'The options of a backup or restore are those that the author may give.',
  why: 'pgBackRest refuses secrets on its command line (error 31), and the operator refuses options that it sets itself with an event that nobody sees. A restore fails after the running cluster has been stopped.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P51', 'P52', 'pains P13'],
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
        - --repo1-cipher-pass=it-was-written-down-somewhere
          ^^^^^^^^^^^^^^^^^^^ error refused-option: pgBackRest refuses --repo1-cipher-pass on the command line: it belongs into a mounted Secret
        - --stanza=db
          ^^^^^^^^ error refused-option: the operator sets --stanza itself and refuses it here
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
    for (const { list, isRestore } of optionLists(resource)) {
      for (const item of list.items()) {
        const text = item.mapped;
        if (!text || item.type !== 'string') continue;
        // One item may hold several options; the operator looks at the text as a whole.
        for (const it of text.text.matchAll(/(?<![\w-])--([a-z][a-z0-9-]*)/g)) {
          const name = it[1]!;
          const at = text.place(it.index, it.index + it[0].length);
          if (resolveOption(name).definition?.secure) {
            report(at, `pgBackRest refuses --${name} on the command line: it belongs into a mounted Secret`);
          } else if (
            name === 'stanza' ||
            name === 'pg1-path' ||
            (isRestore && (name === 'target-action' || name === 'link-map'))
          ) {
            report(at, `the operator sets --${name} itself and refuses it here`, { fix: removeItem(item, text.text) });
          } else if (name === 'repo') report(at, 'the operator refuses --repo: the repository is named in repoName');
        }
      }
    }
  },
});

/** Only a block list item on a line of its own that holds nothing else. */
function removeItem(item: YamlNode, text: string) {
  const whole = item.part.text;
  const place = item.usePlace;
  const lineStart = whole.lastIndexOf('\n', place.start - 1) + 1;
  const lineEnd = whole.indexOf('\n', place.end);
  if (!/^\s*-\s*$/.test(whole.slice(lineStart, place.start)) || /\s--/.test(text)) return undefined;
  return fix('Remove the option', [
    { at: item.part.place(lineStart, lineEnd < 0 ? whole.length : lineEnd + 1), newText: '' },
  ]);
}
