import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { eventually, test } from './test.ts';
import { file } from './workspace.ts';

const repository = () => file('examples/archives/pgbackrest/repo').fsPath;
const configuration = () => [file('examples/archives/pgbackrest/pgbackrest.conf').toString()];

/** The text of the report's page, once it has this headline and is about this archive. */
const report = (headline: string, archive: string) =>
  eventually(`a report that says ${headline}`, async () => {
    const frames = await hand<string[]>('frames');
    return frames.find((it) => it.startsWith(`${headline}\n`) && it.includes(archive));
  });

test('a pgBackRest repository is proven to restore, with the key from its configuration', async () => {
  await vscode.commands.executeCommand('restorable.testRestore', {
    archive: repository(),
    configuration: configuration(),
  });
  const text = await report('Restorable', repository());
  assert.match(text, /Decrypted\s*yes/);
  assert.match(text, /Authentic\s*cannot be proven/);
  assert.match(text, /Complete\s*yes/);
  assert.match(text, /Restorable\s*yes/);
  assert.match(text, /repo1-cipher-pass/);
  assert.ok(!text.includes('lQ9fXEEYfmzOGwBz'), 'the report names the key and does not show it');
  await hand('screenshot', { name: 'report' });
});

test('a part of a WAL-G backup opens with the key from a Secret, chosen in the dialogs', async () => {
  const archive = file('examples/archives/wal-g-sodium/part_001.tar.lz4');
  const running = vscode.commands.executeCommand('restorable.testRestore', archive);
  const key = '.quick-input-list .monaco-list-row:has-text("Every key of the workspace")';
  await hand('waitFor', { selector: key });
  await hand('screenshot', { name: 'choose-key' });
  await hand('click', { selector: key });
  await running;
  const text = await report('Opened, not proven to restore', archive.fsPath);
  assert.match(text, /Authentic\s*yes/);
  assert.match(text, /backup-keys/);
});

test('a repository whose key is wrong is reported as such', async () => {
  await vscode.workspace.fs.writeFile(
    file('other.pgbackrest.conf'),
    Buffer.from(
      '[global]\nrepo1-path=/x\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=QWxsIHRoYXQgZ2xpdHRlcnMgaXMgbm90IGdvbGQ\n',
    ),
  );
  await vscode.commands.executeCommand('restorable.testRestore', {
    archive: repository(),
    configuration: [file('other.pgbackrest.conf').toString()],
  });
  const text = await report('Wrong key', repository());
  assert.match(text, /Decrypted\s*no/);
});

test('an archive that is not there is an error that names it', async () => {
  await vscode.commands.executeCommand('restorable.testRestore', {
    archive: '/nowhere/at/all',
    configuration: configuration(),
  });
  await eventually('an answer', async () => {
    const texts = [
      ...(await hand<string[]>('frames')),
      ...(await hand<string[]>('text', { selector: '.notification-toast' })),
    ];
    return texts.some((it) => it.includes('/nowhere/at/all'));
  });
  await vscode.commands.executeCommand('notifications.clearAll');
});

test('a test restore shows bytes and can be cancelled; nothing is left behind', async () => {
  const target = file('restored').fsPath;
  const running = vscode.commands.executeCommand('restorable.testRestore', {
    archive: file('large.gz.enc').fsPath,
    keyFile: { path: file('large.pass').fsPath, kind: 'password' },
    to: target,
  });
  const toast = '.notification-toast:has-text("Test restore of large.gz.enc")';
  await hand('waitFor', { selector: `${toast}:has-text(" of ")` });
  await hand('screenshot', { name: 'progress' });
  await hand('click', { selector: `${toast} .monaco-button:has-text("Cancel")` });
  await running;
  await hand('waitFor', { selector: '.notification-toast:has-text("was cancelled")' });
  const left = (await readdir(dirname(target))).filter((it) => it.startsWith(basename(target)));
  assert.deepEqual(left, []);
});

test('PostgreSQL starts from a throw-away copy where it is asked to, and the report says so', async () => {
  await vscode.commands.executeCommand('restorable.testRestore', {
    archive: repository(),
    configuration: configuration(),
    start: true,
  });
  const text = await report('Restorable', repository());
  assert.match(text, /Started\s*yes/);
  assert.match(text, /PostgreSQL 15\.\d+ started and recovered to/);
  await hand('screenshot', { name: 'report-started' });
});
