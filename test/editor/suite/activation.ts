import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { eventually, test } from './test.ts';
import { open } from './workspace.ts';

test('opening a pgbackrest.conf activates the extension and gives the file its language', async () => {
  const { document } = await open('pgbackrest.conf');
  assert.equal(document.languageId, 'pgbackrest-conf');
  await eventually(
    'the extension to be active',
    () => vscode.extensions.getExtension('restorable.restorable')?.isActive,
  );
});

test('every command of the manifest is there', async () => {
  const { contributes } = vscode.extensions.getExtension('restorable.restorable')!.packageJSON as {
    contributes: { commands: { command: string }[] };
  };
  const known = new Set(await vscode.commands.getCommands(true));
  assert.deepEqual(
    contributes.commands.map((it) => it.command).filter((it) => !known.has(it)),
    [],
  );
});

test('a conf.d file with pgBackRest options gets the language, one of nginx keeps its own', async () => {
  const { document } = await open('conf.d/repo2.conf');
  await eventually('the language', () =>
    vscode.workspace.textDocuments.some(
      (it) => it.uri.toString() === document.uri.toString() && it.languageId === 'pgbackrest-conf',
    ),
  );
  const other = await open('conf.d/nginx.conf');
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.notEqual(other.document.languageId, 'pgbackrest-conf');
});

/** VS Code's own table (Developer: Startup Performance); times in milliseconds. */
test('the time of the activation is measured', async () => {
  await eventually(
    'the extension to be active',
    () => vscode.extensions.getExtension('restorable.restorable')?.isActive,
  );
  await vscode.commands.executeCommand('perfview.show');
  const row = await eventually('the row of the extension', () => {
    for (const it of vscode.workspace.textDocuments) {
      const found = /^\|\s*restorable\.restorable\s*\|.*$/m.exec(it.getText());
      if (found) return found[0];
    }
    return undefined;
  });
  const [load, call, finish] = row
    .split('|')
    .map((it) => it.trim())
    .filter((it) => /^\d+$/.test(it))
    .map(Number);
  assert.ok(load !== undefined && call !== undefined && finish !== undefined, row);
  const text = `  activation: ${load + call + finish} ms (code ${load}, activate() ${call}, until it resolves ${finish})`;
  await hand('measured', { text });
  await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
});
