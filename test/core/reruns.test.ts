import { expect, test } from 'vitest';
import { workspaceOf } from '../support/check.ts';

/** Clusters of one bucket, each with its own folder, Secret and storage: nothing connects them. */
function manyClusters(count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `#- /${i}.yaml
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: c${i}, namespace: db}
spec:
  backups:
    pgbackrest:
      configuration: [{secret: {name: s${i}}}]
      global: {repo1-path: /backups/${i}, repo1-cipher-type: aes-256-cbc}
      repos:
        - name: repo1
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
---
apiVersion: v1
kind: Secret
metadata: {name: s${i}, namespace: db}
stringData:
  s3.conf: |
    [global]
    repo1-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I${i}
`,
  ).join('');
}

/** The most questions that the rules asked about one document: each can make them run again. */
function mostQuestions(count: number): number {
  const { workspace } = workspaceOf(manyClusters(count));
  workspace.findings();
  const units = workspace.uris.flatMap((uri) => workspace.units(uri));
  return Math.max(...units.map((it) => it.query?.asked.size ?? 0));
}

test('rules ask about what concerns a document, however many others there are', () => {
  expect(mostQuestions(40)).toBe(mostQuestions(4));
});
