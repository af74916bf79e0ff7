import * as vscode from 'vscode';
import { hand } from '../suite/hand.ts';
import { accept, choose, typePassword } from '../suite/quickInput.ts';
import { eventually, test } from '../suite/test.ts';
import { code, file, findings, open, quickFix } from '../suite/workspace.ts';

const secret = 'percona-secret.yaml';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

test('in a browser: the extension host has no Node, and the extension is active in it', async () => {
  const extension = vscode.extensions.getExtension('restorable.restorable')!;
  await open('pgbackrest.conf');
  await eventually('the extension to be active', () => extension.isActive, 60_000);
  equal(vscode.env.uiKind, vscode.UIKind.Web);
  equal(extension.extensionUri.scheme, 'http');
  equal(typeof (globalThis as { process?: { versions?: { node?: string } } }).process?.versions?.node, 'undefined');
});

test('in a browser: a pass without a type is marked inside base64, with the cluster in a file that nobody opened', async () => {
  const { document } = await open(secret);
  const found = await eventually(
    'the finding',
    () => findings(secret).find((it) => code(it) === 'repo-pass-without-type'),
    60_000,
  );
  const line = document.lineAt(found.range.start.line).text;
  ok(found.range.start.character >= line.indexOf('W2'), 'the range starts inside the base64');
  await eventually('findings of a closed file', () => findings('cluster.yaml').length > 0);
});

test('in a browser: a quick fix in another file makes the finding go', async () => {
  const { document } = await open(secret);
  const fix = await quickFix(document, 'repo-pass-without-type', /cipher-type/);
  ok(await vscode.workspace.applyEdit(fix.edit!));
  await eventually('no finding', () => !findings(secret).some((it) => code(it) === 'repo-pass-without-type'));
  await open('cluster.yaml');
  await vscode.commands.executeCommand('workbench.action.files.revert');
  await eventually('the finding again', () => findings(secret).some((it) => code(it) === 'repo-pass-without-type'));
});

test('in a browser: a key goes into a new Secret that has no findings, and is never written over a file', async () => {
  const to = file('new-web-secret.yaml');
  const generate = () =>
    vscode.commands.executeCommand('restorable.generateKey', {
      kind: 'sodium-hex',
      destination: 'secret',
      to: to.toString(),
    });
  await generate();
  const text = decoder.decode(await vscode.workspace.fs.readFile(to));
  ok(/^kind: Secret$/m.test(text) && /: "?[0-9a-f]{64}"?$/m.test(text), 'a Secret with a key');
  await generate();
  equal(decoder.decode(await vscode.workspace.fs.readFile(to)), text);
  await vscode.commands.executeCommand('notifications.clearAll');
  await vscode.workspace.fs.delete(to);
});

test('in a browser: a Secret is encoded and decoded again', async () => {
  const { document } = await open('stackgres/secret.yaml');
  const before = document.getText();
  const key = /sodium-key: (\w+)/.exec(before)![1]!;
  await vscode.commands.executeCommand('restorable.encodeSecret');
  await eventually('data', () => document.getText().includes(btoa(key)));
  ok(!document.getText().includes(key), 'the key is encoded');
  await vscode.commands.executeCommand('restorable.decodeSecret');
  await eventually('the text as it was', () => document.getText().replaceAll('"', '') === before.replaceAll('"', ''));
  await vscode.commands.executeCommand('workbench.action.files.revert');
});

test('in a browser: an entry in base64 is edited as the configuration that it is, and saved in its own form', async () => {
  const onDisk = async () => decoder.decode(await vscode.workspace.fs.readFile(file(secret)));
  const decodedIn = (text: string) => atob(/s3\.conf: (\S+)/.exec(text)![1]!);
  const before = await onDisk();
  const { document: host } = await open(secret);
  const { line, character } = host.positionAt(host.getText().indexOf('s3.conf'));
  await vscode.commands.executeCommand('restorable.editDecoded', {
    uri: host.uri.toString(),
    position: { line, character },
  });
  const document = await eventually('the decoded entry', () => {
    const active = vscode.window.activeTextEditor?.document;
    return active?.uri.scheme === 'restorable-entry' ? active : undefined;
  });
  equal(document.languageId, 'pgbackrest-conf');
  equal(document.getText(), decodedIn(before));
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(document.lineCount, 0), '# typed in a browser\n');
  ok(await vscode.workspace.applyEdit(edit));
  await eventually('the host', () => decodedIn(host.getText()).endsWith('# typed in a browser\n'));
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand('workbench.action.files.save');
  const after = await eventually('the file', async () => ((await onDisk()) !== before ? await onDisk() : undefined));
  equal(decodedIn(after), `${decodedIn(before)}# typed in a browser\n`);
  await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
  await vscode.workspace.fs.writeFile(file(secret), encoder.encode(before));
});

test('in a browser: a file is encrypted and decrypted again, with a typed password', async () => {
  const text = 'The quick brown fox\n'.repeat(10_000);
  await vscode.workspace.fs.writeFile(file('plain-web.txt'), encoder.encode(text));
  const encrypting = vscode.commands.executeCommand('restorable.encryptFile', file('plain-web.txt'));
  await choose('gpg -c');
  await typePassword('correct horse battery staple');
  await accept('Write to', file('plain-web.txt.gpg').path);
  await encrypting;
  const stored = await vscode.workspace.fs.readFile(file('plain-web.txt.gpg'));
  ok(!decoder.decode(stored).includes('quick brown'), 'it is encrypted');

  const decrypting = vscode.commands.executeCommand('restorable.decryptFile', file('plain-web.txt.gpg'));
  await choose('gpg -c');
  await typePassword('correct horse battery staple');
  await accept('Write to', file('again-web.txt').path);
  await decrypting;
  equal(decoder.decode(await vscode.workspace.fs.readFile(file('again-web.txt'))), text);
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('in a browser: a wrong password writes nothing', async () => {
  const decrypting = vscode.commands.executeCommand('restorable.decryptFile', file('examples/archives/shop.dump.gpg'));
  await choose('gpg -c');
  await typePassword('not the password');
  await accept('Write to', file('never-web.dump').path);
  await decrypting;
  await hand('waitFor', { selector: '.notification-toast' });
  const isThere = await vscode.workspace.fs.stat(file('never-web.dump')).then(
    () => true,
    () => false,
  );
  ok(!isThere, 'nothing is written');
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('in a browser: a test restore says that it needs a machine, and no lens offers it', async () => {
  await vscode.commands.executeCommand('restorable.testRestore');
  await hand('waitFor', { selector: '.notification-toast :text("needs a machine")' });
  await vscode.commands.executeCommand('notifications.clearAll');
  const { document } = await open('pgbackrest.conf');
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  ok(!lenses.some((it) => it.command?.command === 'restorable.testRestore'), 'no lens');
});

function ok(is: unknown, what = 'it'): void {
  if (!is) throw new Error(`${what}: not so`);
}

function equal<T>(actual: T, expected: T): void {
  if (actual !== expected) throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}
