import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { eventually, test } from './test.ts';
import { file, findings, open } from './workspace.ts';

const read = async (path: string) => Buffer.from(await vscode.workspace.fs.readFile(file(path))).toString();
const exists = async (path: string) =>
  await vscode.workspace.fs.stat(file(path)).then(
    () => true,
    () => false,
  );
const generate = async (args: Record<string, unknown>) => {
  await vscode.commands.executeCommand('restorable.generateKey', args);
};

test('a pgBackRest pass goes into a new file that only its owner can read', async () => {
  await generate({ kind: 'pgbackrest', destination: 'file', to: file('new/../pass.txt').toString() });
  const pass = (await read('pass.txt')).trim();
  assert.equal(Buffer.from(pass, 'base64').length, 48);
  assert.equal(Buffer.from(pass, 'base64').toString('base64'), pass);
  assert.equal((await stat(file('pass.txt').fsPath)).mode & 0o777, 0o600);
});

test('a key is never written over a file', async () => {
  const before = await read('pass.txt');
  await generate({ kind: 'pgbackrest', destination: 'file', to: file('pass.txt').toString() });
  assert.equal(await read('pass.txt'), before);
  await hand('waitFor', { selector: '.notification-toast :text("exists already")' });
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a libsodium key goes into a new Secret that has no findings', async () => {
  await generate({ kind: 'sodium-hex', destination: 'secret', to: file('new-secret.yaml').toString() });
  const text = await read('new-secret.yaml');
  assert.match(text, /^kind: Secret$/m);
  assert.match(text, /^stringData:$/m);
  assert.match(text, /: "?[0-9a-f]{64}"?$/m);
  assert.equal((await stat(file('new-secret.yaml').fsPath)).mode & 0o777, 0o600);
  assert.equal(vscode.window.activeTextEditor?.document.uri.path, file('new-secret.yaml').path);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(findings('new-secret.yaml'), []);
  await vscode.workspace.fs.delete(file('new-secret.yaml'));
});

test('the last step asks for a copy outside the cluster, and a sheet for the safe is one key away', async () => {
  await generate({ kind: 'sodium-hex', destination: 'file', to: file('sheet.hex').toString() });
  await hand('waitFor', { selector: '.quick-input-title:has-text("keep a copy outside the cluster")' });
  await hand('press', { key: 'Enter' });
  const dialog = '.quick-input-title:has-text("Sheet to Print")';
  await hand('waitFor', { selector: dialog });
  const fingerprint = await eventually(
    'a proposed name',
    async () =>
      /key-([0-9a-f]{8})\.html$/.exec(
        await hand<string>('value', { selector: '.quick-input-widget input.input' }),
      )?.[1],
  );
  assert.ok(fingerprint);
  await hand('press', { key: 'Escape' });
  await hand('waitFor', { selector: dialog, state: 'hidden' });
  await vscode.workspace.fs.delete(file('sheet.hex'));
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('two keys are never the same', async () => {
  await generate({ kind: 'sodium-base64', destination: 'file', to: file('one.b64').toString() });
  await generate({ kind: 'sodium-base64', destination: 'file', to: file('two.b64').toString() });
  const [one, two] = [await read('one.b64'), await read('two.b64')];
  assert.equal(Buffer.from(one.trim(), 'base64').length, 32);
  assert.notEqual(one, two);
});

test('an OpenPGP key with a passphrase is asked for twice and written with its public half', async () => {
  const running = generate({
    kind: 'openpgp-curve25519',
    destination: 'file',
    name: 'Backup',
    hasPassphrase: true,
    to: file('key.asc').toString(),
  });
  for (const title of ['passphrase', 'once more']) {
    await hand('waitFor', { selector: `.quick-input-title:has-text("${title}")` });
    await hand('type', { text: 'correct horse' });
    await hand('press', { key: 'Enter' });
  }
  await running;
  assert.match(await read('key.asc'), /^-----BEGIN PGP PRIVATE KEY BLOCK-----/);
  assert.match(await read('key.public.asc'), /^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
  assert.equal((await stat(file('key.asc').fsPath)).mode & 0o777, 0o600);
});

test('two different passphrases make no key', async () => {
  const running = generate({
    kind: 'openpgp-curve25519',
    destination: 'file',
    name: 'Backup',
    hasPassphrase: true,
    to: file('never.asc').toString(),
  });
  await hand('waitFor', { selector: '.quick-input-title:has-text("passphrase")' });
  await hand('type', { text: 'correct horse' });
  await hand('press', { key: 'Enter' });
  await hand('waitFor', { selector: '.quick-input-title:has-text("once more")' });
  await hand('type', { text: 'correct' });
  await hand('press', { key: 'Enter' });
  await running;
  assert.equal(await exists('never.asc'), false);
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a key is inserted at the cursor, and undone in one step', async () => {
  // A save of its own would add the final line break, which is a step too.
  await vscode.workspace.getConfiguration('files').update('autoSave', 'off', vscode.ConfigurationTarget.Global);
  const { document, selection } = await openAtEnd('conf.d/repo2.conf');
  const before = document.getText();
  await generate({ kind: 'pgbackrest', destination: 'cursor' });
  const inserted = document.getText().slice(document.offsetAt(selection.active));
  assert.match(inserted, /[A-Za-z0-9+/]{64}/);
  // The question for a copy has the focus.
  await hand('waitFor', { selector: '.quick-input-title:has-text("keep a copy")' });
  await hand('press', { key: 'Escape' });
  await hand('waitFor', { selector: '.quick-input-title:has-text("keep a copy")', state: 'hidden' });
  await vscode.commands.executeCommand('workbench.action.focusActiveEditorGroup');
  await hand('waitFor', { selector: '.editor-instance .monaco-editor.focused' });
  await hand('press', { key: 'Control+KeyZ' });
  await eventually('the text as it was', () => document.getText() === before);
  await vscode.workspace.getConfiguration('files').update('autoSave', undefined, vscode.ConfigurationTarget.Global);
});

test('a key on the clipboard is taken off again', async () => {
  await generate({ kind: 'sodium-hex', destination: 'clipboard' });
  assert.match(await vscode.env.clipboard.readText(), /^[0-9a-f]{64}$/);
  await eventually('an empty clipboard', async () => (await vscode.env.clipboard.readText()) === '', 45_000);
});

async function openAtEnd(path: string): Promise<vscode.TextEditor> {
  const editor = await open(path);
  const end = editor.document.lineAt(editor.document.lineCount - 1).range.end;
  editor.selection = new vscode.Selection(end, end);
  return editor;
}

test('a new key for an encrypted repository begins a new one beside it, and the old one stays', async () => {
  const path = 'rotate.pgbackrest.conf';
  const pass = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
  const conf = `[global]\nrepo1-path=/x\nrepo1-retention-full=2\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=${pass}\n[demo]\npg1-path=/d\n`;
  await vscode.workspace.fs.writeFile(file(path), Buffer.from(conf));
  const { document } = await open(path);
  const running = vscode.commands.executeCommand('restorable.rotateKey', {
    uri: document.uri.toString(),
    position: { line: 4, character: 3 },
  });
  await hand('waitFor', { selector: '.quick-input-title:has-text("repo1 in rotate.pgbackrest.conf")' });
  await hand('screenshot', { name: 'rotate' });
  await hand('click', { selector: '.quick-input-list .monaco-list-row:has-text("keep the old one")' });
  await running;
  const text = document.getText();
  const made = text.match(/^repo2-cipher-pass=(\S{64})$/m)?.[1];
  assert.ok(made && made !== pass);
  assert.ok(text.includes(`repo1-cipher-pass=${pass}\n`));
  assert.match(text, /^repo2-path=\/x-repo2$/m);
  await vscode.commands.executeCommand('workbench.action.files.revert');
  await vscode.workspace.fs.delete(file(path));
  await vscode.commands.executeCommand('notifications.clearAll');
});
