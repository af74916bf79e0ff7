import { describe, expect, test } from 'vitest';
import { inFile } from '../../server/src/core/part.ts';
import { refactorings } from '../../server/src/core/queries/refactorings.ts';
import type { Workspace } from '../../server/src/core/workspace.ts';
import { checkRefactoring, refactoringTitles, withCursor } from '../support/queries.ts';

const PASS = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
const base64 = (text: string) => Buffer.from(text).toString('base64');

const cluster = (pgbackrest: string) => `#- /cluster.yaml
# The shop's database.
apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod, namespace: db}
spec:
  backups:
    pgbackrest:
${pgbackrest.replace(/^\n/, '')}`;
const repos = `
      repos:
        - name: repo1
          s3: {bucket: b, endpoint: e.example.com, region: r}   # in Ireland
`.slice(1);
const secret = (entries: string) => `#- /secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: db}
${entries}`;

const loud = (workspace: Workspace) =>
  [...workspace.findings().values()]
    .flat()
    .filter((it) => it.severity === 'error' || it.severity === 'warning')
    .map((it) => it.rule);

describe('a pass in global moves into a Secret', () => {
  test('into the conf of a Secret that the cluster mounts, with the comment on its line', () => {
    const workspace = checkRefactoring(
      'Move repo1-cipher-pass into Secret db/keys',
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        # of the vault
        repo1-cipher-pass: "${PASS}" # since May
        repo1-cipher-$0type: aes-256-cbc
        repo1-retention-full: "2"
${repos}`)}${secret(`stringData:
  s3.conf: |
    # theirs
    [global]
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=${'x'.repeat(40)}
  other: "1" # stays
`)}`,
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        # of the vault
        repo1-cipher-type: aes-256-cbc
        repo1-retention-full: "2"
${repos}`)}${secret(`stringData:
  s3.conf: |
    # theirs
    [global]
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=${'x'.repeat(40)}
    # since May
    repo1-cipher-pass=${PASS}
  other: "1" # stays
`)}`,
    );
    expect(loud(workspace)).toEqual([]);
  });

  test('into base64, where the Secret has it, and the type with it', () => {
    const before = '[global]\nrepo1-s3-key=AKIAXXXXXXXXXXXXXXXX\n';
    checkRefactoring(
      'Move repo1-cipher-type and repo1-cipher-pass into Secret db/keys',
      `${cluster(`
      configuration: [{secret: {name: keys}}]
      global: {repo1-cipher-type: aes-256-cbc, repo1-cipher-pass: $0${PASS}}
${repos}`)}${secret(`data:\n  s3.conf: ${base64(before)}\n`)}`,
      `${cluster(`
      configuration: [{secret: {name: keys}}]
      global: {}
${repos}`)}${secret(
        `data:\n  s3.conf: ${base64(`${before.trimEnd()}\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${PASS}\n`)}\n`,
      )}`,
    );
  });

  test('into a new entry of a mounted Secret, in the form that its entries have', () => {
    const from = (entries: string) =>
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-cipher-type: aes-256-cbc
        repo1-cipher-pass: $0${PASS}
${repos}`)}${secret(entries)}`;
    const to = (entries: string) =>
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-cipher-type: aes-256-cbc
${repos}`)}${secret(entries)}`;
    const title = 'Move repo1-cipher-pass into Secret db/keys';
    const line = `repo1-cipher-pass=${PASS}`;
    const block = `  cipher.conf: |\n    [global]\n    ${line}\n`;
    checkRefactoring(title, from('stringData:\n  a: b\n'), to(`stringData:\n  a: b\n${block}`));
    checkRefactoring(title, from('type: Opaque\n'), to(`type: Opaque\nstringData:\n${block}`));
    checkRefactoring(
      title,
      from(`data:\n  a: ${base64('b')}\n`),
      to(`data:\n  a: ${base64('b')}\n  cipher.conf: ${base64(`[global]\n${line}\n`)}\n`),
    );
    checkRefactoring(
      title,
      from('stringData: {a: b}\n'),
      to(`stringData: {a: b, cipher.conf: ${JSON.stringify(`[global]\n${line}\n`)}}\n`),
    );
  });

  test('into a new Secret, which the cluster is told to mount: in this file, or in one of its own', () => {
    const before = `${cluster(`
      global:
        repo1-cipher-type: aes-256-cbc
        repo1-cipher-pass: $0${PASS}
${repos}`)}---
kind: Other
`;
    const mounted = `${cluster(`
      configuration:
        - secret:
            name: prod-pgbackrest
      global:
        repo1-cipher-type: aes-256-cbc
${repos}`)}`;
    const manifest = `apiVersion: v1
kind: Secret
metadata:
  name: prod-pgbackrest
  namespace: db
type: Opaque
stringData:
  cipher.conf: |
    [global]
    repo1-cipher-pass=${PASS}
`;
    const title = 'Move repo1-cipher-pass into a new Secret prod-pgbackrest';
    const here = checkRefactoring(title, before, `${mounted}---\n${manifest}---\nkind: Other\n`);
    expect(loud(here)).not.toContain('secret-in-global');
    const beside = checkRefactoring(
      `${title} in prod-pgbackrest.yaml`,
      before,
      `${mounted}---\nkind: Other\n\n#- /prod-pgbackrest.yaml\n${manifest}`,
    );
    expect(loud(beside)).toEqual(loud(here));
  });

  test('every pass and key of global at once', () => {
    checkRefactoring(
      'Move all passes and keys into Secret db/keys',
      `${cluster(`
      configuration:
      - secret:
          name: keys
      global:
        repo1-s3-key: AKIAXXXXXXXXXXXXXXXX
        repo1-$0s3-key-secret: ${'x'.repeat(40)}
        repo1-cipher-pass: |-
          ${PASS}
${repos}`)}${secret('stringData:\n  cipher.conf: "[global]\\n"\n')}`,
      `${cluster(`
      configuration:
      - secret:
          name: keys
      global: {}
${repos}`)}${secret(
        `stringData:\n  cipher.conf: "[global]\\nrepo1-s3-key=AKIAXXXXXXXXXXXXXXXX\\nrepo1-s3-key-secret=${'x'.repeat(40)}\\nrepo1-cipher-pass=${PASS}\\n"\n`,
      )}`,
    );
  });

  test('and so does one in a ConfigMap', () => {
    const map = (lines: string) => `#- /map.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: db}
data:
  a.conf: |
    [global]
    repo1-cipher-type=aes-256-cbc
${lines}    repo1-retention-full=2
`;
    const mounts = cluster(`
      configuration:
        - configMap: {name: conf}
        - secret: {name: keys}
${repos}`);
    checkRefactoring(
      'Move repo1-cipher-pass into Secret db/keys',
      `${mounts}${map(`    repo1-$0cipher-pass=${PASS}\n`)}${secret('stringData:\n  b.conf: |\n    [global]\n    repo1-s3-key=A\n')}`,
      `${mounts}${map('')}${secret(`stringData:\n  b.conf: |\n    [global]\n    repo1-s3-key=A\n    repo1-cipher-pass=${PASS}\n`)}`,
    );
  });

  const moves = (text: string) => refactoringTitles(text).filter((it) => it.startsWith('Move'));
  const simple = (value: string, more = '') =>
    `${cluster(`\n      configuration:\n        - secret: {name: keys}\n      global:\n        repo1-cipher-type: aes-256-cbc\n        repo1-cipher-$0pass: ${value}\n${more}${repos}`)}`;
  const keys = secret('stringData:\n  a.conf: |\n    [global]\n    repo1-s3-key=A\n');

  test('is offered for secrets and their type alone', () => {
    expect(moves(`${simple(PASS)}${keys}`)).toHaveLength(2);
    expect(moves(`${simple(PASS).replace('$0', '').replace('bucket', 'buc$0ket')}${keys}`)).toEqual([]);
    expect(moves(`${simple('')}${keys}`)).toEqual([]);
    expect(moves(`${simple('$'.concat('{PASS}'))}${keys}`)).toEqual([]);
  });

  test('is not offered where something would be lost, doubled, or changed behind the back of others', () => {
    // Somebody else reads it too.
    const other = `#- /other.yaml\napiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nmetadata: {name: other, namespace: db}\nspec: {backups: {pgbackrest: {configuration: [{secret: {name: keys}}]}}}\n`;
    expect(moves(`${simple(PASS)}${keys}${other}`).join()).toContain('a new Secret prod-pgbackrest');
    // The Secret says it already.
    expect(moves(`${simple(PASS)}${keys}    repo1-cipher-pass=other\n`)).toEqual([]);
    // An anchor brings it elsewhere.
    expect(moves(`${simple(`&p ${PASS}`, '        repo2-cipher-pass: *p\n')}${keys}`)).toEqual([]);
    // A base and its overlay: a list of the overlay replaces that of the base.
    const overlay =
      '#- /overlay.yaml\napiVersion: pgv2.percona.com/v2\nkind: PerconaPGCluster\nmetadata: {name: prod, namespace: db}\nspec: {pause: true}\n';
    expect(moves(`${simple(PASS)}${keys}${overlay}`)).toEqual([]);
    // Made elsewhere: a new one is made.
    const sealed =
      '#- /s.yaml\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: keys, namespace: db}\nspec: {encryptedData: {a.conf: Ag}}\n';
    expect(moves(`${simple(PASS)}${sealed}`).join()).toContain('a new Secret prod-pgbackrest');
    // With `items`, another entry is no file in the Pod.
    const items = simple(PASS).replace('{name: keys}', '{name: keys, items: [{key: x.conf, path: x.conf}]}');
    expect(moves(`${items}${keys}`).join()).toContain('a new Secret');
    // JSON takes no further document.
    const json = JSON.stringify({
      apiVersion: 'pgv2.percona.com/v2',
      kind: 'PerconaPGCluster',
      metadata: { name: 'prod' },
      spec: { backups: { pgbackrest: { global: { 'repo1-cipher-pass': PASS } } } },
    }).replace('cipher-pass', 'cipher-$0pass');
    expect(moves(`#- /cluster.json\n${json}\n`)).toEqual([]);
  });

  test('no value leaves a trace where it stood, in whatever form it was written', () => {
    for (const value of [
      PASS,
      `"${PASS}"`,
      `'${PASS}'`,
      `>-\n          ${PASS}`,
      `"${PASS.slice(0, 9)}\\\n          ${PASS.slice(9)}"`,
    ]) {
      const { workspace, uri, offset } = withCursor(`${simple(value)}${keys}`);
      const [move] = refactorings(workspace, uri, offset);
      for (const { at } of move!.edits) expect(at.part.uri).toBeDefined();
      let text = workspace.text(uri)!;
      const own = move!.edits.map((it) => ({ ...inFile(it.at), newText: it.newText })).filter((it) => it.uri === uri);
      for (const it of own.toSorted((a, b) => b.start - a.start))
        text = text.slice(0, it.start) + it.newText + text.slice(it.end);
      expect(text).not.toContain(PASS.slice(9));
      expect(text).toContain('repo1-cipher-type: aes-256-cbc\n');
    }
  });
});

describe('an encrypted repository beside one that is there', () => {
  const title = 'Add an encrypted repository: repo2, otherwise as repo1';

  test('in a pgbackrest.conf, in every section that speaks of the other', () => {
    checkRefactoring(
      title,
      `[global]
repo1-path=/var/lib/pgbackrest
repo1-retent$0ion-full=2
# why
compress-type=zst

[demo]
pg1-path=/x
repo1-retention-diff=3
`,
      `[global]
repo1-path=/var/lib/pgbackrest
repo1-retention-full=2
repo2-path=/var/lib/pgbackrest-repo2
repo2-retention-full=2
repo2-cipher-type=aes-256-cbc
repo2-cipher-pass=
# why
compress-type=zst

[demo]
pg1-path=/x
repo1-retention-diff=3
repo2-retention-diff=3
`,
      '/pgbackrest.conf',
    );
  });

  test('never with the other’s pass, and with the next free number', () => {
    checkRefactoring(
      'Add an encrypted repository: repo3, otherwise as repo1',
      `[global]\r\nrepo1-$0path=/a/repo1\r\nrepo1-cipher-type=aes-256-cbc\r\nrepo1-cipher-pass=${PASS}\r\nrepo2-path=/b\r\n`,
      `[global]\r\nrepo1-path=/a/repo1\r\nrepo1-cipher-type=aes-256-cbc\r\nrepo1-cipher-pass=${PASS}\r\nrepo3-path=/a/repo3\r\nrepo3-cipher-type=aes-256-cbc\r\nrepo3-cipher-pass=\r\nrepo2-path=/b\r\n`,
      '/pgbackrest.conf',
    );
  });

  test('its pass can be made by the editor’s front, in the same step', () => {
    const { workspace, uri, offset } = withCursor('[global]\nrepo1-path=/$0x\n', '/pgbackrest.conf');
    const [copy] = refactorings(workspace, uri, offset);
    expect(copy?.command?.arguments).toMatchObject({
      key: 'pgbackrest',
      before: '\nrepo2-path=/x-repo2\nrepo2-cipher-type=aes-256-cbc\nrepo2-cipher-pass=',
      after: '',
    });
  });

  test('in a cluster: the repository and its cipher in the manifest, its keys and the empty pass in the Secret', () => {
    const workspace = checkRefactoring(
      title,
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-path: /pgbackrest/db/prod/repo1
        repo1-retention-full: "2"
      repos:
        - name: re$0po1 # the first
          s3:
            bucket: b
            endpoint: e.example.com
            region: r
      image: x
`)}${secret(`stringData:
  s3.conf: |
    [global]
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=${'x'.repeat(40)}
`)}`,
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-path: /pgbackrest/db/prod/repo1
        repo1-retention-full: "2"
        repo2-path: "/pgbackrest/db/prod/repo2"
        repo2-retention-full: "2"
        repo2-cipher-type: "aes-256-cbc"
      repos:
        - name: repo1 # the first
          s3:
            bucket: b
            endpoint: e.example.com
            region: r
        - name: repo2 # the first
          s3:
            bucket: b
            endpoint: e.example.com
            region: r
      image: x
`)}${secret(`stringData:
  s3.conf: |
    [global]
    repo1-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo1-s3-key-secret=${'x'.repeat(40)}
    repo2-s3-key=AKIAXXXXXXXXXXXXXXXX
    repo2-s3-key-secret=${'x'.repeat(40)}
    repo2-cipher-pass=
`)}`,
    );
    expect(new Set(loud(workspace))).toEqual(new Set(['empty-value']));
  });

  test('in a cluster that has neither global nor a Secret yet', () => {
    checkRefactoring(
      title,
      `${cluster(`
      repos:
        - name: repo1
          volu$0me: {}
`).trimEnd()}`,
      `${cluster(`
      global:
        repo2-path: "/pgbackrest/repo2"
        repo2-cipher-type: "aes-256-cbc"
      configuration:
        - secret:
            name: prod-pgbackrest
      repos:
        - name: repo1
          volume: {}
        - name: repo2
          volume: {}
---
apiVersion: v1
kind: Secret
metadata:
  name: prod-pgbackrest
  namespace: db
type: Opaque
stringData:
  cipher.conf: |
    [global]
    repo2-cipher-pass=
`).trimEnd()}`,
    );
  });

  test('a key that stood in global is not written there once more', () => {
    checkRefactoring(
      title,
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-s3-key: $0AKIAXXXXXXXXXXXXXXXX
${repos}`)}${secret('stringData:\n  a.conf: |\n    [global]\n')}`,
      `${cluster(`
      configuration:
        - secret: {name: keys}
      global:
        repo1-s3-key: AKIAXXXXXXXXXXXXXXXX
        repo2-path: "/pgbackrest/repo2"
        repo2-cipher-type: "aes-256-cbc"
${repos.trimEnd()}
        - name: repo2
          s3: {bucket: b, endpoint: e.example.com, region: r}   # in Ireland
`)}${secret('stringData:\n  a.conf: |\n    [global]\n    repo2-s3-key=AKIAXXXXXXXXXXXXXXXX\n    repo2-cipher-pass=\n')}`,
    );
  });

  test('no fifth one in a cluster: the operators know four', () => {
    const four = [1, 2, 3, 4]
      .map((it) => `        - name: ${it === 1 ? 're$0po' : 'repo'}${it}\n          volume: {}\n`)
      .join('');
    expect(refactoringTitles(cluster(`\n      repos:\n${four}`))).toEqual([]);
  });

  test('is offered for repositories alone, and not where templates write lines', () => {
    const copies = (text: string, name?: string) => refactoringTitles(text, name).filter((it) => it.startsWith('Add'));
    expect(copies('[global]\ncompress-$0type=zst\n', '/pgbackrest.conf')).toEqual([]);
    expect(copies('[demo]\npg1-$0path=/x\n', '/pgbackrest.conf')).toEqual([]);
    expect(copies('[global]\nrepo1-cipher-$0type=aes-256-cbc\nrepo1-cipher-pass=x\n', '/pgbackrest.conf')).toEqual([]);
    expect(copies('[global]\nrepo1-$0path=/x\n{{ include "more" }}\n', '/pgbackrest.conf')).toEqual([]);
    expect(
      copies(
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a.conf: |\n    [global]\n    repo1-$0path=/x\n',
      ),
    ).toEqual([]);
  });
});

describe('confs change between ConfigMap and Secret, stringData and data', () => {
  const map = `#- /map.yaml
apiVersion: v1
kind: ConfigMap # really
metadata: {name: conf, namespace: db}
data:
  a.conf: |
    # mine
    [global]
    repo1-$0cipher-type=aes-256-cbc
`;
  const mounts = (kind: string) => cluster(`\n      configuration:\n        - ${kind}: {name: conf} # here\n${repos}`);
  const title = 'Make ConfigMap db/conf a Secret, and let PerconaPGCluster db/prod mount that';

  test('a ConfigMap becomes a Secret, and everything else stays as it is', () => {
    checkRefactoring(
      title,
      `${mounts('configMap')}${map}`,
      `${mounts('secret')}${map.replace('ConfigMap', 'Secret').replace('\ndata:', '\nstringData:').replace('$0', '')}`,
    );
  });

  test('unless somebody else reads it, there is such a Secret, or it holds other things', () => {
    const all = (text: string) => refactoringTitles(text).filter((it) => it.startsWith('Make'));
    expect(all(map)).toEqual([]);
    const deployment =
      '#- /d.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: db}\nspec: {template: {spec: {volumes: [{configMap: {name: conf}}]}}}\n';
    expect(all(`${mounts('configMap')}${map}${deployment}`)).toEqual([]);
    expect(all(`${mounts('configMap')}${map}${secret('').replace('keys', 'conf')}`)).toEqual([]);
    expect(all(`${mounts('configMap')}${map}  page.html: <p>\n`)).toEqual([]);
  });

  test('a Secret never becomes a ConfigMap', () => {
    const text = `${mounts('secret')}${map.replace('ConfigMap', 'Secret').replace('\ndata:', '\nstringData:')}`;
    expect(refactoringTitles(text).join()).not.toContain('ConfigMap');
  });

  test('one entry is encoded or decoded, and the others stay as they are', () => {
    const conf = '[global]\nrepo1-s3-key=A\n';
    checkRefactoring(
      'Encode s3.conf: stringData to data',
      `${secret(`stringData:\n  # one\n  s3.$0conf: | # why\n    [global]\n    repo1-s3-key=A\n  b: c # two\n`)}`,
      `${secret(`stringData:\n  b: c # two\ndata:\n  # one\n  s3.conf: ${base64(conf)} # why\n`)}`,
    );
    checkRefactoring(
      'Decode s3.conf: data to stringData',
      `${secret(`data:\n  s3.$0conf: ${base64(conf)}\n  b: ${base64('c')}\nstringData:\n  d: e\n`)}`,
      `${secret(`data:\n  b: ${base64('c')}\nstringData:\n  d: e\n  s3.conf: |\n    [global]\n    repo1-s3-key=A\n`)}`,
    );
  });
});
