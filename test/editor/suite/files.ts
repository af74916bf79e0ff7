import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { accept, choose, typePassword } from './quickInput.ts';
import { eventually, test } from './test.ts';
import { code, file, findings, open } from './workspace.ts';

test('a Secret is encoded and decoded again, and nothing else in its file changes', async () => {
  const { document } = await open('stackgres/secret.yaml');
  const before = document.getText();
  await vscode.commands.executeCommand('restorable.encodeSecret');
  const key = before.match(/sodium-key: (\w+)/)![1]!;
  await eventually('data', () => /^data:$/m.test(document.getText()));
  assert.ok(document.getText().includes(Buffer.from(key).toString('base64')));
  assert.ok(!document.getText().includes(key));
  await vscode.commands.executeCommand('restorable.decodeSecret');
  // A key of digits and letters may come back in quotes.
  await eventually('the text as it was', () => document.getText().replaceAll('"', '') === before.replaceAll('"', ''));
  await vscode.commands.executeCommand('workbench.action.files.revert');
});

test('a file from the Explorer is opened before its Secret is encoded', async () => {
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await vscode.commands.executeCommand('restorable.encodeSecret', file('stackgres/secret.yaml'));
  const document = await eventually('the editor', () => vscode.window.activeTextEditor?.document);
  assert.equal(document.uri.path, file('stackgres/secret.yaml').path);
  await eventually('data', () => /^data:$/m.test(document.getText()));
  await vscode.commands.executeCommand('workbench.action.files.revert');
});

test('a lens over an empty pass generates a key, which goes where the pass belongs', async () => {
  const path = 'empty.pgbackrest.conf';
  const conf = '[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=\n';
  await vscode.workspace.fs.writeFile(file(path), Buffer.from(conf));
  const { document } = await open(path);
  await eventually('the finding', () => findings(path).some((it) => code(it) === 'empty-value'));
  const lens = await eventually('the lens', async () => {
    const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
      'vscode.executeCodeLensProvider',
      document.uri,
      100,
    );
    return lenses.find((it) => it.command?.command === 'restorable.generateKeyAt');
  });
  await vscode.commands.executeCommand(lens.command!.command, ...(lens.command!.arguments ?? []));
  const pass = await eventually('the key', () => document.getText().match(/^repo1-cipher-pass=(\S{64})$/m)?.[1]);
  assert.equal(Buffer.from(pass, 'base64').length, 48);
  assert.equal(document.getText(), conf.replace('cipher-pass=', `cipher-pass=${pass}`));
  await eventually('no finding', () => findings(path).length === 0);
  await vscode.commands.executeCommand('workbench.action.files.revert');
  await vscode.workspace.fs.delete(file(path));
});

test('a key is not written into a document that has changed since it was offered', async () => {
  const { document } = await open('pgbackrest.conf');
  const before = document.getText();
  await vscode.commands.executeCommand('restorable.generateKeyAt', {
    key: 'pgbackrest',
    uri: document.uri.toString(),
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } },
    version: document.version - 1,
  });
  await hand('waitFor', { selector: '.notification-toast :text("has changed")' });
  assert.equal(document.getText(), before);
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('an archive is inspected without a key', async () => {
  await vscode.commands.executeCommand('restorable.inspectArchive', file('examples/archives/shop.dump.gpg'));
  const text = await eventually('the page', async () => {
    const frames = await hand<string[]>('frames');
    return frames.find((it) => it.startsWith('Encrypted\n') && it.includes('shop.dump.gpg'));
  });
  assert.match(text, /Format\s+openpgp/);
  // A page that still loads takes the focus from whatever comes next.
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('a file is encrypted and decrypted again, with a typed password', async () => {
  const text = 'The quick brown fox\n'.repeat(10_000);
  await vscode.workspace.fs.writeFile(file('plain.txt'), Buffer.from(text));

  const encrypting = vscode.commands.executeCommand('restorable.encryptFile', file('plain.txt'));
  await choose('openssl enc');
  await typePassword();
  await accept('Write to', file('plain.txt.enc').fsPath);
  await encrypting;
  const encrypted = Buffer.from(await vscode.workspace.fs.readFile(file('plain.txt.enc')));
  assert.equal(encrypted.subarray(0, 8).toString(), 'Salted__');

  const decrypting = vscode.commands.executeCommand('restorable.decryptFile', file('plain.txt.enc'));
  await choose('A key file or a typed key');
  await typePassword();
  await accept('Write to', file('again.txt').fsPath);
  await decrypting;
  assert.equal(Buffer.from(await vscode.workspace.fs.readFile(file('again.txt'))).toString(), text);
  await hand('waitFor', { selector: '.notification-toast :text("cannot show whether somebody changed it")' });
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a file is encrypted to a key without further questions, and the message says what shows changes', async () => {
  await vscode.workspace.fs.writeFile(file('for-a-key.txt'), Buffer.from('The quick brown fox\n'));
  const encrypting = vscode.commands.executeCommand('restorable.encryptFile', file('for-a-key.txt'));
  await choose('for a public key');
  await accept('The OpenPGP key', file('examples/archives/keys/wal-g-openpgp.private.asc').fsPath);
  await accept('Write to', file('for-a-key.txt.gpg').fsPath);
  await encrypting;
  await hand('waitFor', { selector: '.notification-toast :text("An MDC shows changes of it")' });
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a file of gpg -c is decrypted with its password', async () => {
  const password = Buffer.from(await vscode.workspace.fs.readFile(file('examples/archives/keys/gpg-passphrase.txt')))
    .toString()
    .trim();
  const running = vscode.commands.executeCommand('restorable.decryptFile', file('examples/archives/shop.dump.gpg'));
  await choose('A key file or a typed key');
  await choose('gpg -c');
  await typePassword(password);
  await accept('Write to', file('again.dump').fsPath);
  await running;
  const dump = Buffer.from(await vscode.workspace.fs.readFile(file('again.dump')));
  assert.equal(dump.subarray(0, 5).toString(), 'PGDMP');
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a file is decrypted with the key of a Secret of the workspace', async () => {
  const archive = file('examples/archives/wal-g-sodium/part_001.tar.lz4');
  const running = vscode.commands.executeCommand('restorable.decryptFile', archive);
  await choose('Every key of the workspace');
  await accept('Write to', file('again.tar.lz4').fsPath);
  await running;
  const frame = Buffer.from(await vscode.workspace.fs.readFile(file('again.tar.lz4')));
  assert.deepEqual([...frame.subarray(0, 4)], [0x04, 0x22, 0x4d, 0x18]);
  await hand('waitFor', { selector: '.notification-toast :text("The key was Secret")' });
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('an inspection names the key of the workspace that opens the archive', async () => {
  await vscode.commands.executeCommand(
    'restorable.inspectArchive',
    file('examples/archives/wal-g-sodium/part_001.tar.lz4'),
  );
  const text = await eventually('the page', async () => {
    const frames = await hand<string[]>('frames');
    return frames.find((it) => it.includes('Keys of this workspace') && it.includes('part_001.tar.lz4'));
  });
  assert.match(text, /backup-keys[^\n]*\sopens it/);
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('a file that is not encrypted is not decrypted', async () => {
  await vscode.commands.executeCommand('restorable.decryptFile', file('examples/README.md'));
  await hand('waitFor', { selector: '.notification-toast' });
  const [message] = await hand<string[]>('text', { selector: '.notification-toast' });
  assert.ok(!message!.includes('is written'), message);
  await hand('press', { key: 'Escape' });
  await vscode.commands.executeCommand('notifications.clearAll');
});
