import { describe, expect, test } from 'vitest';
import { completion, withoutPlaces } from '../../server/src/core/queries/completion.ts';
import { allRules } from '../../server/src/core/rules/all.ts';
import { workspaceOf } from '../support/check.ts';
import { checkCompletion, completionLabels, withCursor } from '../support/queries.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('in a pgbackrest.conf', () => {
  const conf = '/pgbackrest.conf';

  test('an option is completed with its number and an =', () => {
    checkCompletion('[global]\nrepo2-ciph$0\n', 'repo2-cipher-type', '[global]\nrepo2-cipher-type=\n', conf);
    checkCompletion('[global]\nrep$0-x=1\n', 'repo1-path', '[global]\nrepo1-path=1\n', conf);
    checkCompletion('[global]\n  $0\n', 'compress-type', '[global]\n  compress-type=\n', conf);
  });

  test('what is missing for encryption comes first', () => {
    const text = '[global]\nrepo1-path=/x\nrepo1-cipher-type=aes-256-cbc\n$0\n';
    expect(completionLabels(text, 'option', conf)[0]).toBe('repo1-cipher-pass');
    const pass = '[global]\nrepo3-path=/x\nrepo3-cipher-pass=x\n$0\n';
    expect(completionLabels(pass, 'option', conf)[0]).toBe('repo3-cipher-type');
  });

  test('only what the section can have, and nothing twice', () => {
    const global = completionLabels('[global]\nrepo1-path=/x\n$0\n', 'option', conf);
    expect(global).not.toContain('pg1-path');
    expect(global).not.toContain('repo1-path');
    expect(global).not.toContain('stanza');
    expect(completionLabels('[demo]\n$0\n', 'option', conf)).toContain('pg1-path');
    const push = completionLabels('[global]\nrepo1-path=/x\n[demo:archive-push]\n$0', 'option', conf);
    expect(push).toContain('archive-async');
    expect(push).not.toContain('db-include');
  });

  test('values of enums and booleans, the cipher first, and defaults', () => {
    const values = (line: string) => completionLabels(`[global]\n${line}\n`, 'value', conf);
    expect(values('repo1-cipher-type=$0')).toEqual(['aes-256-cbc', 'none']);
    expect(values('start-fast=$0')).toEqual(['y', 'n']);
    expect(values('repo1-type=s$0')).toContain('s3');
    expect(values('archive-timeout=$0')).toEqual(['1m']);
    expect(values('repo1-cipher-pass=$0')).toEqual([]);
    expect(values('nonsense=$0')).toEqual([]);
    checkCompletion(
      '[global]\r\nrepo1-cipher-type = aes$0-128\r\n',
      'aes-256-cbc',
      '[global]\r\nrepo1-cipher-type = aes-256-cbc\r\n',
      conf,
    );
  });

  test('sections, by the stanzas that there are', () => {
    checkCompletion('[gl$0', '[global]', '[global]', conf);
    const labels = completionLabels('[global]\nrepo1-path=/x\n[main]\npg1-path=/y\n[$0]\n', 'section', conf);
    expect(labels).toContain('[global:archive-push]');
    expect(labels).not.toContain('[global]');
    checkCompletion(
      '[global]\nrepo1-path=/\n[glo$0]\n[main]\n',
      '[global:backup]',
      '[global]\nrepo1-path=/\n[global:backup]\n[main]\n',
      conf,
    );
  });

  test('a further repository comes encrypted, and no rule finds fault with it but that its pass is still to be filled in', () => {
    const before =
      '[global]\nrepo1-path=/var/lib/pgbackrest\nrepo1-retention-full=2\n$0\n[demo]\npg1-path=/var/lib/postgresql/15/main\n';
    const { workspace, uri, offset } = withCursor(before, conf);
    const snippets = completion(workspace, uri, offset).filter((it) => it.kind === 'snippet');
    expect(snippets.map((it) => it.label)).toEqual(['repo2 encrypted on S3', 'repo2 encrypted on a folder']);
    for (const { newText } of snippets) {
      const text = before.replace('$0', () => withoutPlaces(newText));
      const findings = [
        ...workspaceOf(text, { rules: allRules, defaultName: conf }).workspace.findings().values(),
      ].flat();
      expect(findings.filter((it) => it.severity !== 'hint').map((it) => it.rule)).toEqual(['placeholder-cipher-pass']);
    }
  });

  test('nothing in comments', () => {
    expect(completionLabels('[global]\n# repo$0\n', undefined, conf)).toEqual([]);
  });
});

const secret = (container: string, value: string) =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: p}\n${container}:\n  s3.conf: ${value}\n`;
const cluster = (pgbackrest: string) => `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: prod}
spec:
  backups:
    pgbackrest:
${pgbackrest}`;

describe('in a conf that hides in a manifest', () => {
  test('in stringData: keys, values and sections, in lines that are still empty too', () => {
    checkCompletion(
      secret('stringData', '|\n    [global]\n    repo1-s3-key=AK\n    repo1-ci$0'),
      'repo1-cipher-pass',
      secret('stringData', '|\n    [global]\n    repo1-s3-key=AK\n    repo1-cipher-pass='),
    );
    checkCompletion(
      secret('stringData', '|\n    [global]\n    repo2-s3-key=AK\n    $0\n'),
      'repo2-cipher-type',
      secret('stringData', '|\n    [global]\n    repo2-s3-key=AK\n    repo2-cipher-type=\n'),
    );
    checkCompletion(
      secret('stringData', '|\n    [global]\n    repo1-cipher-type=$0'),
      'aes-256-cbc',
      secret('stringData', '|\n    [global]\n    repo1-cipher-type=aes-256-cbc'),
    );
    checkCompletion(secret('stringData', '|\n    [$0'), '[global]', secret('stringData', '|\n    [global]'));
    checkCompletion(
      secret('stringData', '"[global]\\nrepo1-cipher-t$0"'),
      'repo1-cipher-type',
      secret('stringData', '"[global]\\nrepo1-cipher-type="'),
    );
  });

  test('a snippet keeps the indentation', () => {
    const files = (conf: string) =>
      `#- /cluster.yaml\n${cluster('      configuration: [{secret: {name: p}}]\n      repos: [{name: repo1}]\n')}\n#- /secret.yaml\n${secret('stringData', conf)}`;
    checkCompletion(
      files('|\n    [global]\n    $0'),
      'repo2 encrypted',
      files('|\n    [global]\n    repo2-cipher-type=aes-256-cbc\n    repo2-cipher-pass=<openssl rand -base64 48>'),
    );
  });

  test('inside base64: the value is encoded anew', () => {
    const before = '[global]\nrepo1-s3-key=AK\nrepo1-ciph';
    const value = base64(before);
    const at = secret('data', value).indexOf(value) + value.replace(/=+$/, '').length;
    const text = secret('data', value);
    checkCompletion(
      `${text.slice(0, at)}$0${text.slice(at)}`,
      'repo1-cipher-type',
      secret('data', base64('[global]\nrepo1-s3-key=AK\nrepo1-cipher-type=')),
    );
    expect(completionLabels(`${text.slice(0, at)}$0${text.slice(at)}`)).not.toContain('repo1-path');
  });

  test('not in confs of other programs', () => {
    expect(
      completionLabels(secret('stringData', '|\n    server { lis$0ten 80; }').replace('s3.conf', 'nginx.conf')),
    ).toEqual([]);
  });
});

describe('in the global of a cluster', () => {
  test('options, but no secrets, and nothing that the operator writes', () => {
    const text = cluster('      global:\n        rep$0\n      repos: [{name: repo1}, {name: repo2}]\n');
    checkCompletion(text, 'repo2-cipher-type', text.replace('rep$0', 'repo2-cipher-type: '));
    const labels = completionLabels(text, 'option');
    expect(labels).toContain('repo1-retention-full');
    for (const it of ['repo1-cipher-pass', 'repo1-s3-bucket', 'pg1-path']) expect(labels).not.toContain(it);
  });

  test('values are strings for the API server', () => {
    const text = cluster('      global:\n        start-fast: $0\n      repos: [{name: repo1}]\n');
    checkCompletion(text, 'y', text.replace('$0', '"y"'));
    const flow = cluster('      global: {repo1-cipher-type: $0}\n');
    checkCompletion(flow, 'aes-256-cbc', flow.replace('$0', 'aes-256-cbc'));
  });
});

describe('names', () => {
  const here = `#- /defined.yaml
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: db}
stringData: {sodium: x, other: y}
---
apiVersion: v1
kind: Secret
metadata: {name: elsewhere, namespace: test}
---
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: backup, namespace: db}
`;
  const storage = (selector: string) =>
    `${here}#- /storage.yaml
apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata: {name: s, namespace: db}
spec:
  encryption:
    sodium:
${selector}`;

  test('of Secrets in the namespace, in block and flow style, quoted or not, with nothing typed', () => {
    const forms = [
      '      key:\n        name: $0\n        key: sodium\n',
      '      key: {name: $0, key: sodium}\n',
      '      key: {key: sodium, name: ke$0}\n',
      '      key:\n        name: "k$0"\n',
      '      key:\n        name: $0',
    ];
    for (const it of forms) {
      expect(completionLabels(storage(it), 'name'), it).toEqual(['keys']);
      checkCompletion(storage(it), 'keys', storage(it.replace(/\w*\$0/, 'keys')));
    }
  });

  test('of the entries of the Secret that is named', () => {
    const text = storage('      key: {name: keys, key: $0}\n');
    expect(completionLabels(text, 'name')).toEqual(['sodium', 'other']);
    expect(completionLabels(storage('      key: {name: gone, key: $0}\n'), 'name')).toEqual([]);
  });

  test('of storages, clusters and repositories', () => {
    const sg = `${here}#- /c.yaml\napiVersion: stackgres.io/v1\nkind: SGCluster\nmetadata: {name: c, namespace: db}\nspec:\n  configurations:\n    backups:\n      - sgObjectStorage: $0\n`;
    expect(completionLabels(sg, 'name')).toEqual(['backup']);
    const pg = (spec: string) =>
      `#- /c.yaml\n${cluster('      repos: [{name: repo1}, {name: repo3}]\n')}#- /b.yaml\napiVersion: pgv2.percona.com/v2\nkind: PerconaPGBackup\nmetadata: {name: b}\nspec:\n${spec}`;
    expect(completionLabels(pg('  pgCluster: $0\n'), 'name')).toEqual(['prod']);
    expect(completionLabels(pg('  pgCluster: prod\n  repoName: $0\n'), 'name')).toEqual(['repo1', 'repo3']);
    const repos = cluster('      repos:\n        - name: repo1\n        - name: $0\n');
    expect(completionLabels(repos, 'name')).toEqual(['repo2']);
  });

  test('of what is referred to and missing, where a Secret gets its names', () => {
    const text = `${storage('      key: {name: missing, key: k}\n')}#- /new.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: $0\n  namespace: db\n`;
    expect(completionLabels(text, 'name')).toEqual(['missing']);
    const entry = `${storage('      key: {name: missing, key: k}\n')}#- /new.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: missing, namespace: db}\nstringData:\n  $0\n`;
    expect(completionLabels(entry, 'name')).toEqual(['k']);
    checkCompletion(entry, 'k', entry.replace('$0', 'k: '));
  });
});

describe('fields and values of our schemas', () => {
  const head = 'apiVersion: stackgres.io/v1beta1\nkind: SGObjectStorage\nmetadata: {name: s}\n';

  test('fields that are not there yet, with their shape', () => {
    const text = `${head}spec:\n  encryption:\n    method: sodium\n    so$0\n`;
    checkCompletion(text, 'sodium', text.replace('so$0', 'sodium:\n      '));
    expect(completionLabels(text, 'field')).not.toContain('method');
    const flow = `${head}spec: {encryption: {me$0}}\n`;
    checkCompletion(flow, 'method', flow.replace('me$0', 'method: '));
    expect(completionLabels(`${head}spec:\n  encryption:\n    $0\n  type: s3\n`, 'field')).toContain('openpgp');
  });

  test('values of enums', () => {
    expect(completionLabels(`${head}spec:\n  encryption:\n    method: $0\n`, 'value')).toEqual(['sodium', 'openpgp']);
    const text = `${head}spec: {encryption: {sodium: {keyTransform: h$0}}}\n`;
    checkCompletion(text, 'hex', text.replace('h$0', 'hex'));
  });

  test('a whole encryption, and whole manifests in an empty document', () => {
    const text = `${head}spec:\n  type: gcs\n  $0\n`;
    checkCompletion(
      text,
      'encryption with libsodium',
      text.replace(
        '$0',
        'encryption:\n    method: sodium\n    sodium:\n      keyTransform: hex\n      key:\n        name: backup-encryption\n        key: key',
      ),
    );
    for (const before of ['$0', '# a comment\n\nSec$0\n', 'a: 1\n---\n$0\n']) {
      expect(completionLabels(before, 'snippet')).toContain('SGObjectStorage, encrypted with libsodium');
    }
  });

  test('nothing in YAML that is not ours, or where nobody knows better', () => {
    expect(completionLabels('version: "3"\nservices:\n  $0\n')).toEqual([]);
    expect(completionLabels('apiVersion: apps/v1\nkind: Deployment\nspec:\n  $0\n')).toEqual([]);
    expect(completionLabels('some text$0', undefined, '/notes.txt')).toEqual([]);
  });
});

test('half-typed and broken text never throws', () => {
  const text =
    cluster('      global: {repo1-x: "y}\n      repos:\n      - name: [repo\n\t- {a\n') + secret('data', '!!!');
  for (let i = 0; i <= text.length; i++) completionLabels(`${text.slice(0, i)}$0`);
});
