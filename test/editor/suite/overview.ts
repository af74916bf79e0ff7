import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { eventually, test } from './test.ts';
import { file } from './workspace.ts';

const rows = '.pane-body .monaco-list-row';
const shown = async () => (await hand<string[]>('text', { selector: rows })).map((it) => it.replace(/\s+/g, ' '));

test('the view shows what backs up where, and whether it is encrypted', async () => {
  await vscode.commands.executeCommand('restorable.overview.focus');
  const lines = await eventually('the repositories', async () => {
    const found = await shown();
    return found.some((it) => it.includes('repo2')) ? found : undefined;
  });
  assert.ok(lines.some((it) => it.includes('Repositories and storages')));
  assert.ok(lines.some((it) => it.includes('NOT ENCRYPTED: the pass is ignored because repo2-cipher-type is not set')));
  await hand('screenshot', { name: 'overview' });
  await hand('click', { selector: `${rows}:has-text("repo2")` });
  await eventually('the file', () => vscode.window.activeTextEditor?.document.uri.path.endsWith('cluster.yaml'));
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('the view remembers what was proven', async () => {
  const repository = file('examples/archives/pgbackrest/repo').fsPath;
  await vscode.commands.executeCommand('restorable.testRestore', {
    archive: repository,
    configuration: [file('examples/archives/pgbackrest/pgbackrest.conf').toString()],
  });
  await vscode.commands.executeCommand('restorable.overview.focus');
  await eventually('the tree', async () => (await shown()).length > 0 || undefined);
  await hand('click', { selector: rows });
  await hand('press', { key: 'End' });
  await eventually('the proof', async () => (await shown()).some((it) => /restorable, \d/.test(it)) || undefined);
  await hand('screenshot', { name: 'overview-proof' });
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
  await vscode.commands.executeCommand('workbench.view.explorer');
});
