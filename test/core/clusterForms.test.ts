import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { checkDiagnostics, checkFix, workspaceOf } from '../support/check.ts';

/** The famous mistake (a pass without a type) in every form in which people write it. */
const CONF =
  '[global]\nrepo2-s3-key=AKIAXXXXXXXXXXXXXXXX\nrepo2-s3-key-secret=abcdefghijabcdefghijabcdefghijabcdefghij\nrepo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/\n';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const wrapped = base64(CONF).replace(/.{1,76}/g, '    $&\n');

const CLUSTER = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
      configuration:
        - secret: {name: prod-pgbackrest}
      repos:
        - name: repo2
          s3: {bucket: backups, endpoint: s3.amazonaws.com, region: eu-west-1}
`;
const head = 'apiVersion: v1\nkind: Secret\nmetadata: {name: prod-pgbackrest}\n';

const forms: Record<string, string> = {
  'stringData, literal block': `#- /c.yaml\n${CLUSTER}#- /s.yaml\n${head}stringData:\n  s3.conf: |\n${CONF.replace(/^(?=.)/gm, '    ')}`,
  'stringData, double quotes': `#- /c.yaml\n${CLUSTER}#- /s.yaml\n${head}stringData: {s3.conf: ${JSON.stringify(CONF)}}\n`,
  'base64 on one line': `#- /c.yaml\n${CLUSTER}#- /s.yaml\n${head}data:\n  s3.conf: ${base64(CONF)}\n`,
  'base64 wrapped': `#- /c.yaml\n${CLUSTER}#- /s.yaml\n${head}data:\n  s3.conf: |\n${wrapped}`,
  'one file of many documents': `#- /all.yaml\n# first\n---\n${CLUSTER}---\n---\n${head}data:\n  s3.conf: ${base64(CONF)}\n...\n`,
  'a List': `#- /all.yaml\napiVersion: v1\nkind: List\nitems:\n${[CLUSTER, `${head}data:\n  s3.conf: ${base64(CONF)}\n`]
    .map((it) => `- ${it.trimEnd().replaceAll('\n', '\n  ')}`)
    .join('\n')}\n`,
  JSON: `#- /all.json\n${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'pgv2.percona.com/v2',
          kind: 'PerconaPGCluster',
          metadata: { name: 'prod' },
          spec: {
            backups: {
              pgbackrest: {
                configuration: [{ secret: { name: 'prod-pgbackrest' } }],
                repos: [{ name: 'repo2', s3: { bucket: 'b', endpoint: 'e', region: 'r' } }],
              },
            },
          },
        },
        { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'prod-pgbackrest' }, data: { 's3.conf': base64(CONF) } },
      ],
    },
    null,
    2,
  )}\n`,
  'anchors and merge keys': `#- /c.yaml\n${CLUSTER}#- /s.yaml\n${head}x: &conf {s3.conf: ${base64(CONF)}}\ndata:\n  <<: *conf\n`,
  'a Kustomize generator that reads a file': `#- /c.yaml\n${CLUSTER}#- /kustomization.yaml\nresources: [c.yaml]\nsecretGenerator:\n- name: prod-pgbackrest\n  files: [secrets/s3.conf]\n#- /secrets/s3.conf\n${CONF}`,
  'a Kustomize generator that renames a file': `#- /base/c.yaml\n${CLUSTER}#- /base/kustomization.yaml\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator:\n- name: prod-pgbackrest\n  files:\n  - s3.conf=../pgbackrest.conf\n#- /pgbackrest.conf\n${CONF}`,
  'items under another name': `#- /c.yaml\n${CLUSTER.replace('{name: prod-pgbackrest}', '{name: prod-pgbackrest, items: [{key: backrest, path: s3.conf}]}')}#- /s.yaml\n${head}stringData:\n  backrest: ${JSON.stringify(CONF)}\n`,
  'a ConfigMap': `#- /c.yaml\n${CLUSTER.replace('secret:', 'configMap:')}#- /s.yaml\n${head.replace('Secret', 'ConfigMap')}data:\n  s3.conf: ${JSON.stringify(CONF)}\n`,
  'an ExternalSecret with a template': `#- /c.yaml\n${CLUSTER}#- /s.yaml\napiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: pg}\nspec:\n  target:\n    name: prod-pgbackrest\n    template:\n      data:\n        s3.conf: |\n          [global]\n          repo2-cipher-pass={{ .pass }}\n  dataFrom:\n  - extract: {key: pgbackrest}\n`,
  'Crunchy, with a namespace on one side only': `#- /c.yaml\n${CLUSTER.replace('pgv2.percona.com/v2', 'postgres-operator.crunchydata.com/v1').replace('PerconaPGCluster', 'PostgresCluster').replace('{name: prod}', '{name: prod, namespace: db}')}#- /s.yaml\n${head}data:\n  s3.conf: ${base64(CONF)}\n`,
};

describe('a pass without a type is found', () => {
  for (const [name, markup] of Object.entries(forms)) {
    test(name, () => {
      const { workspace } = workspaceOf(markup);
      const all = [...workspace.findings().values()].flat();
      const hits = all.filter((it) => it.rule === 'repo-pass-without-type');
      expect(hits.map((it) => it.severity)).toEqual(['error']);
      const { uri, start, end } = inFile(hits[0]!.at);
      const place = workspace.text(uri)!.slice(start, end);
      if (!place.startsWith('repo2'))
        expect(Buffer.from(`${'A'.repeat(4)}${place}`, 'base64').length).toBeGreaterThan(10);
    });
  }
});

test('and nothing is found where the type is set, wherever that is', () => {
  const withType = CLUSTER.replace('      repos:', '      global: {repo2-cipher-type: aes-256-cbc}\n      repos:');
  for (const [name, markup] of Object.entries(forms)) {
    const cured = markup.includes(CLUSTER)
      ? markup.replace(CLUSTER, withType)
      : markup.replace(/cipher-pass=/, 'cipher-type=aes-256-cbc\nrepo2-cipher-pass=');
    if (!markup.includes(CLUSTER)) continue;
    const all = [...workspaceOf(cured).workspace.findings().values()].flat();
    expect(
      all.filter((it) => it.rule === 'repo-pass-without-type'),
      name,
    ).toEqual([]);
  }
});

test('a Secret of the same name in another namespace is another Secret', () => {
  checkDiagnostics(
    `#- /c.yaml\n${CLUSTER.replace('{name: prod}', '{name: prod, namespace: a}')}#- /s.yaml\n${head.replace('{name: prod-pgbackrest}', '{name: prod-pgbackrest, namespace: b}')}stringData:\n  s3.conf: |\n${CONF.replace(/^(?=.)/gm, '    ')}`,
    { only: 'repo-pass-without-type' },
  );
});

test('a fix inside base64 writes the whole value anew', () => {
  const both = CONF.replace('repo2-cipher-pass', 'repo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass');
  const cluster = CLUSTER.replace('      repos:', '      global: {repo2-cipher-type: aes-256-cbc}\n      repos:');
  checkFix(
    'Remove it from s3.conf',
    `#- /c.yaml\n${cluster}#- /s.yaml\n${head}data:\n  s3.conf: ${base64(both)}\n  other: eA==\n`,
    `#- /c.yaml\n${cluster}#- /s.yaml\n${head}data:\n  s3.conf: ${base64(CONF)}\n  other: eA==\n`,
    { rule: 'option-set-twice' },
  );
});

test('global is held against the options as a conf is: the vendor guide’s cipher-type is none', () => {
  const global = `      global:
        cipher-type: aes-256-cbc
        ^^^^^^^^^^^ error misspelt-cipher-option: pgBackRest has no option cipher-type: without repo2-cipher-type, repo2 is stored in plain text
        repo2-retention-full: "0"
                               ^ error invalid-value: repo2-retention-full must be between 1 and 9999999, not 0
        repo2-retentoin-diff: "3"
        ^^^^^^^^^^^^^^^^^^^^ error unknown-option
        process-max: 2
                     ^ error field-value
        pg1-port: "5432"
        ^^^^^^^^ warning stanza-option-in-global: pg1-port is ignored in global: the operator sets it for its own stanza
        repo2-storage-verify-tls: \${VERIFY}
`;
  checkDiagnostics(`#- /c.yaml
${CLUSTER.replace('      repos:', `${global}      repos:`)}#- /s.yaml
${head}stringData:
  s3.conf: |
    [global]
    repo2-cipher-pass=Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/
    ^^^^^^^^^^^^^^^^^ error repo-pass-without-type
`);
});

test('a comment behind the last option of global stays behind it', () => {
  const files = (global: string) =>
    `#- /c.yaml\n${CLUSTER.replace('      repos:', `      global:\n${global}      repos:`)}#- /s.yaml\n${head}stringData:\n  s3.conf: |\n${CONF.replace(/^(?=.)/gm, '    ')}`;
  const last = '        repo2-retention-full: "30" # days\n';
  checkFix('Add repo2-cipher-type', files(last), files(`${last}        repo2-cipher-type: aes-256-cbc\n`), {
    rule: 'repo-pass-without-type',
  });
});
