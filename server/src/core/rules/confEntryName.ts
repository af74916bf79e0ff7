import type { Fact, SymbolName } from '../facts.ts';
import type { Query } from '../index.ts';
import type { Edit } from '../part.ts';
import { looksLikeConf } from '../pgbackrest/conf.ts';
import { resolveOption } from '../pgbackrest/options.ts';
import { PostgresClusterResource } from '../resources/postgresCluster.ts';
import type { ConfigMapResource, SecretEntry, SecretResource } from '../resources/secret.ts';
import { fix, fixture, rule } from '../rule.ts';
import { plainOrQuoted } from '../text/scalarText.ts';

export default rule({
  id: 'conf-entry-name',
  summary: 'The configuration of pgBackRest stands in an entry whose name ends in .conf.',
  why: 'The operator mounts each entry as a file of its name, and pgBackRest reads only *.conf: the credentials or the cipher pass are never read. Every command stops, or the repository is written in plain text.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Percona and Crunchy',
  catalogue: ['P37', 'P38', 'K19', 'pains P26'],
  kinds: ['Secret', 'ConfigMap'],
  bad: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: prod-pgbackrest}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      pgbackrest-secret.ini: |
      ^^^^^^^^^^^^^^^^^^^^^ error conf-entry-name: pgBackRest never reads pgbackrest-secret.ini: the name of the entry must end in .conf
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  good: fixture`
    #- /cluster.yaml
    apiVersion: postgres-operator.crunchydata.com/v1beta1
    kind: PostgresCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          configuration: [{secret: {name: prod-pgbackrest}}]
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
    #- /secret.yaml
    apiVersion: v1
    kind: Secret
    metadata: {name: prod-pgbackrest}
    stringData:
      s3.conf: |
        [global]
        repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
        repo1-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij
  `,
  check(owner, { report, query }) {
    const users = mountedWhole(owner, query);
    const isMounted = users.length > 0;
    const related = users.map((it) => ({ at: it.at, message: `${it.resource.title} mounts it` }));
    for (const entry of owner.entries) {
      const { name } = entry;
      if (/\.conf(?:$|\.)/.test(name) || !entry.text || !looksLikeConf(entry.text.text, false)) continue;
      // A single option is no conf: the value of an entry may hold anything.
      if (!/^\s*\[/m.test(entry.text.text) && !isMounted) continue;
      // Another program may mount it under another name: that is not seen here.
      if (!isMounted && isReferred(owner, query)) continue;
      const better = `${name.replace(/\.(?:ini|cfg|config|txt|cnf)$|\.$/, '')}.conf`;
      report(
        entry.keyPlace,
        isMounted
          ? `pgBackRest never reads ${name}: the name of the entry must end in .conf`
          : `${name} holds a pgBackRest configuration, and pgBackRest reads only files that end in .conf`,
        {
          severity: isMounted ? 'error' : 'information',
          fix: entry.node?.key
            ? fix(`Call it ${better}`, [{ at: entry.keyPlace, newText: plainOrQuoted(better) }])
            : undefined,
          related,
        },
      );
    }
    if (!isMounted) return;
    // Files that Kustomize puts in: their names are all that is known of them.
    const files = owner.entries.filter((it) => it.file !== undefined);
    const isAllKnown = owner.kind !== 'Secret' || !owner.hasUnknownEntries;
    if (files.length > 0 && isAllKnown && !owner.entries.some((it) => it.name.endsWith('.conf'))) {
      for (const it of files) {
        if (/\.(?:json|crt|pem|key)$/.test(it.name)) continue;
        report(it.keyPlace, `pgBackRest never reads ${it.name}: write s3.conf=${it.file}`, { related });
      }
    }
    const options = owner.entries.filter((it) => isOptionName(it.name));
    for (const it of options) {
      report(
        it.keyPlace,
        `${it.name} is an option of pgBackRest, not a file: it belongs into an entry such as s3.conf`,
        {
          fix: fix('Put the options into s3.conf', foldOptions(owner, options)),
          related,
        },
      );
    }
  },
});

type Owner = SecretResource | ConfigMapResource;

function symbolOf(owner: Owner): SymbolName {
  return { kind: owner.kind === 'Secret' ? 'secret' : 'configMap', name: owner.name, namespace: owner.namespace };
}

/** The places in clusters that mount every entry under its own name. With `items`, mounted-file-name judges. */
function mountedWhole(owner: Owner, query: Query): readonly Fact[] {
  return query.fromReferences(symbolOf(owner), 'mounted whole', (references) =>
    references.filter(
      ({ resource, at }) =>
        resource instanceof PostgresClusterResource &&
        resource.scopes.some((scope) =>
          scope.configuration.some((source) => source.reference?.at.start === at.start && source.items === undefined),
        ),
    ),
  );
}

function isReferred(owner: Owner, query: Query): boolean {
  return query.referencesTo(symbolOf(owner)).length > 0;
}

function isOptionName(name: string): boolean {
  const { definition, problem } = resolveOption(name);
  return definition?.group === 'repo' && !problem;
}

/** All options in one conf, in the place of the first; only where every value is a single line of clear text. */
function foldOptions(owner: Owner, options: SecretEntry[]): Edit[] | undefined {
  const first = options[0]?.node;
  const part = owner.part;
  const isPlain = options.every((it) => {
    if (it.container !== 'stringData' || !it.node || it.isOpaque || !it.text || it.text.text.trim().includes('\n'))
      return false;
    const line = part.text.slice(part.text.lastIndexOf('\n', it.keyPlace.start - 1) + 1, it.keyPlace.start);
    return line.trim() === '';
  });
  if (!first || !isPlain || owner.entry('s3.conf')) return undefined;
  const indent = ' '.repeat(first.column);
  const body = options.map((it) => `${indent}  ${it.name}=${it.text!.text.trim()}\n`).join('');
  return options.map((it, i) => {
    const start = part.text.lastIndexOf('\n', it.keyPlace.start - 1) + 1;
    const last = part.text.indexOf('\n', it.node!.place.end);
    const end = last < 0 ? part.text.length : last + 1;
    return { at: part.place(start, end), newText: i === 0 ? `${indent}s3.conf: |\n${indent}  [global]\n${body}` : '' };
  });
}
