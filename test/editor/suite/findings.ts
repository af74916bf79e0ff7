import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually, test } from './test.ts';
import { code, file, findings, open, quickFix } from './workspace.ts';

/** The line in `percona-secret.yaml` whose base64 holds a pass without a type. */
const secret = 'percona-secret.yaml';

test('a pass without a type is marked inside the base64 of a Secret', async () => {
  const { document } = await open(secret);
  const found = await eventually('the finding', () =>
    findings(secret).find((it) => code(it) === 'repo-pass-without-type'),
  );
  assert.equal(found.severity, vscode.DiagnosticSeverity.Error);
  const line = document.lineAt(found.range.start.line).text;
  assert.match(line, /^ {2}s3\.conf: /);
  assert.ok(found.range.start.character >= line.indexOf('W2'), 'the range starts inside the base64');
  assert.ok(found.range.isSingleLine && !found.range.isEmpty);
});

test('no finding quotes the pass', async () => {
  const pass = Buffer.from(
    (await vscode.workspace.openTextDocument(file(secret))).getText().match(/s3\.conf: (\S+)/)![1]!,
    'base64',
  )
    .toString()
    .match(/cipher-pass=(\S+)/)![1]!;
  await eventually('findings', () => findings(secret).length > 0);
  for (const { message } of findings(secret)) assert.ok(!message.includes(pass));
});

test('files that nobody opened have findings too', async () => {
  await eventually('findings of a closed file', () => findings('cluster.yaml').length > 0);
  assert.ok(!vscode.workspace.textDocuments.some((it) => it.uri.toString() === file('cluster.yaml').toString()));
});

test('typing takes a finding away and brings it back', async () => {
  const editor = await open('pgbackrest.conf');
  const of = () => findings('pgbackrest.conf').map(code);
  assert.deepEqual(of(), []);
  await editor.edit((edit) =>
    edit.insert(new vscode.Position(1, 0), 'repo1-cipher-pass=3nWc2c4vTzUq0m7Qd1yWc5hLr8pXk9Jb\n'),
  );
  await eventually('the finding', () => of().includes('cipher-pass-without-type'));
  await editor.edit((edit) => edit.insert(new vscode.Position(1, 0), 'repo1-cipher-type=aes-256-cbc\n'));
  await eventually('no finding', () => of().length === 0);
  await revert('pgbackrest.conf');
});

test('another file that changes on the disk changes the findings of this one', async () => {
  const isMarked = () => findings(secret).some((it) => code(it) === 'repo-pass-without-type');
  await eventually('the finding', isMarked);
  const cluster = file('cluster.yaml');
  const before = await vscode.workspace.fs.readFile(cluster);
  const typed = Buffer.from(before)
    .toString()
    .replace('      global:\n', '      global:\n        repo2-cipher-type: aes-256-cbc\n');
  await vscode.workspace.fs.writeFile(cluster, Buffer.from(typed));
  await eventually('no finding', () => !isMarked());
  await vscode.workspace.fs.writeFile(cluster, before);
  await eventually('the finding again', isMarked);
});

test('a quick fix adds the missing type to the cluster that mounts the pass, and the finding goes', async () => {
  const { document } = await open(secret);
  const fix = await quickFix(document, 'repo-pass-without-type', /cipher-type/);
  assert.ok(await vscode.workspace.applyEdit(fix.edit!));
  const cluster = await vscode.workspace.openTextDocument(file('cluster.yaml'));
  assert.match(cluster.getText(), /^ {8}repo2-cipher-type: aes-256-cbc$/m);
  await eventually('no finding', () => !findings(secret).some((it) => code(it) === 'repo-pass-without-type'));
  await revert('cluster.yaml');
});

test('a quick fix inside base64 changes that place only', async () => {
  const { document } = await open('misspelt-secret.yaml');
  const before = document.getText();
  const fix = await quickFix(document, 'misspelt-cipher-option', /cipher-pass/);
  assert.ok(await vscode.workspace.applyEdit(fix.edit!));
  const conf = (text: string) => Buffer.from(text.match(/s3\.conf: (\S+)/)![1]!, 'base64').toString();
  assert.equal(conf(document.getText()), conf(before).replace('cypher', 'cipher'));
  assert.equal(document.getText().replace(/s3\.conf: \S+/, ''), before.replace(/s3\.conf: \S+/, ''));
  await revert('misspelt-secret.yaml');
});

test('the definition of an entry is the entry of the Secret, in another file', async () => {
  const { document } = await open('stackgres/storage-with-key.yaml');
  const offset = document.getText().indexOf('sodium-key');
  const found = await eventually('a definition', async () => {
    const locations = await vscode.commands.executeCommand<(vscode.Location | vscode.LocationLink)[]>(
      'vscode.executeDefinitionProvider',
      document.uri,
      document.positionAt(offset + 1),
    );
    return locations[0];
  });
  assert.match(('targetUri' in found ? found.targetUri : found.uri).path, /stackgres\/secret\.yaml$/);
});

async function revert(path: string): Promise<void> {
  await open(path);
  await vscode.commands.executeCommand('workbench.action.files.revert');
}
