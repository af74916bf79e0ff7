import { schemaProblems } from '../queries/schemaProblems.ts';
import type { Resource } from '../resource.ts';
import { fix, fixture, rule } from '../rule.ts';
import type { Path } from '../schema.ts';
import { plainOrQuoted } from '../text/scalarText.ts';
import { removeEntry } from '../yaml/entryEdits.ts';
import type { YamlNode } from '../yaml/node.ts';

export default rule({
  id: 'field-value',
  summary: 'Every field has a value of its type, and one that is allowed.',
  why: 'The API server or the webhook of the operator refuses the object. A number or y, n, yes and no without quotes are not text for kubectl, which reads YAML 1.1. A BackupLocation has no schema in the cluster: there it is Stork that stops at the value, or the storage that refuses every upload.',
  severity: 'error',
  confidence: 'certain',
  since: '0.1.0',
  product: 'Kubernetes',
  catalogue: [
    'G1',
    'G3',
    'G6',
    'G8',
    'G9',
    'G10',
    'G12',
    'G16',
    'G19',
    'G20',
    'G24',
    'G25',
    'G31',
    'P26',
    'P29',
    'P59',
    'C5',
    'W6',
    'W14',
    'W22',
    'N2',
    'N3',
    'N16',
    'N21',
    'Z13',
    'pains P35',
  ],
  kinds: ['Document'],
  bad: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          global:
            repo1-retention-full: 14
                                  ^^ error field-value
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  good: fixture`
    apiVersion: pgv2.percona.com/v2
    kind: PerconaPGCluster
    metadata: {name: prod}
    spec:
      backups:
        pgbackrest:
          global:
            repo1-retention-full: "14"
          repos:
            - name: repo1
              s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
  `,
  check(document, { report }) {
    for (const resource of document.resources) {
      for (const { problem, node, at } of schemaProblems(resource)) {
        if (problem.isMissing || problem.keyword === 'additionalProperties' || problem.keyword === 'nearMiss') continue;
        const text = node.text;
        const isScalar = text !== undefined && problem.at === 'value';
        const { replacement, repair } = problem;
        report(at, problem.message, {
          fixes: [
            isScalar && replacement !== undefined
              ? fix(`Change to ${replacement}`, [{ at: node.place, newText: plainOrQuoted(replacement) }])
              : undefined,
            text === '' && problem.keyword === 'enum' ? removeEmpty(resource, problem.path, node) : undefined,
            isScalar && repair === 'quote'
              ? fix('Put it in quotes', [{ at: node.place, newText: JSON.stringify(text) }], { isSafe: true })
              : undefined,
            isScalar && repair === 'unquote'
              ? fix('Remove the quotes', [{ at: node.place, newText: text }], { isSafe: true })
              : undefined,
          ],
        });
      }
    }
  },
});

/** An empty value of a field that may be left out: the field goes. */
function removeEmpty(resource: Resource, path: Path, node: YamlNode) {
  const parent = resource.node.get(path.slice(0, -1));
  const name = path.at(-1);
  if (!parent?.isMap || typeof name !== 'string') return undefined;
  return fix(`Remove ${name}`, removeEntry(parent, node), { isSafe: true });
}
