import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { eventually, test } from './test.ts';
import { code, file, findings, open } from './workspace.ts';

const storage = `apiVersion: stackgres.io/v1beta1
kind: SGObjectStorage
metadata:
  name: language
  namespace: db
spec:
  type: s3
  enc`;

test('a snippet of several lines stands where its first line stands, and no deeper', async () => {
  await withFile('language/storage.yaml', storage, async (editor) => {
    await accept(editor, (text) => text.includes('keyTransform'));
    assert.equal(
      editor.document.getText(),
      `${storage.slice(0, -3)}encryption:
    method: sodium
    sodium:
      keyTransform: hex
      key:
        name: backup-encryption
        key: key`,
    );
  });
});

test('completion inside wrapped base64 changes the lines around the cursor', async () => {
  const conf = `[global]\n# ${'why '.repeat(30)}\nrepo1-retention-full=2\nrepo1-bundle\n# ${'more '.repeat(20)}\n`;
  const wrapped = Buffer.from(conf)
    .toString('base64')
    .replace(/(.{76})/g, '$1\n    ');
  const text = `apiVersion: v1\nkind: Secret\nmetadata:\n  name: wrapped\n  namespace: db\ndata:\n  s3.conf: |\n    ${wrapped}\n  other: eA==\n`;
  await withFile('language/wrapped.yaml', text, async ({ document }) => {
    const inner = Math.floor(((conf.indexOf('bundle\n') + 6) * 4) / 3);
    const offset = text.indexOf(wrapped.slice(0, 40)) + inner + 5 * Math.floor(inner / 76);
    const item = await eventually('repo1-bundle-limit', async () => {
      const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        document.positionAt(offset),
      );
      return items.find((it) => it.label === 'repo1-bundle-limit');
    });
    const edit = new vscode.WorkspaceEdit();
    const { range } = item;
    assert.ok(range instanceof vscode.Range || range);
    edit.set(document.uri, [
      new vscode.TextEdit('inserting' in range! ? range.replacing : range!, String(item.insertText)),
      ...(item.additionalTextEdits ?? []),
    ]);
    assert.ok(await vscode.workspace.applyEdit(edit));
    const written = document.getText().match(/s3\.conf: \|\n((?: {4}\S+\n)+)/)![1]!;
    assert.equal(
      Buffer.from(written.replace(/\s/g, ''), 'base64').toString(),
      conf.replace('repo1-bundle\n', 'repo1-bundle-limit=\n'),
    );
    assert.ok(written.split('\n').every((it) => it.length <= 80));
    assert.match(document.getText(), /\n {2}other: eA==\n$/);
  });
});

test('a pass moves out of the cluster into a new Secret, and the lens of the Secret opens who uses it', async () => {
  const pass = 'Q0Sd8bpZw4rXhT1uY6nEKfvJ2mLcA9gR3iPyWzVx5oBtDkNeHsMqUjGaFlCO7I+/';
  const cluster = `apiVersion: pgv2.percona.com/v2
kind: PerconaPGCluster
metadata: {name: moves, namespace: db}
spec:
  backups:
    pgbackrest:
      global:
        repo1-cipher-type: aes-256-cbc # ours
        repo1-cipher-pass: ${pass}
      repos:
        - name: repo1
          s3: {bucket: moves, endpoint: s3.example.com, region: eu}
`;
  await withFile('language/moves.yaml', cluster, async ({ document }) => {
    const at = document.positionAt(cluster.indexOf('cipher-pass'));
    const move = await eventually('the refactoring', async () => {
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        new vscode.Range(at, at),
        vscode.CodeActionKind.RefactorExtract.value,
        20,
      );
      return actions.find((it) => it.edit && it.title === 'Move repo1-cipher-pass into a new Secret moves-pgbackrest');
    });
    assert.ok(await vscode.workspace.applyEdit(move.edit!));
    const text = document.getText();
    assert.equal(text.split(pass).length, 2);
    assert.ok(text.indexOf(pass) > text.indexOf('kind: Secret'));
    assert.match(text, /repo1-cipher-type: aes-256-cbc # ours\n/);
    const lens = await eventually('the lens', async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        100,
      );
      return lenses.find((it) => it.command?.title === 'used by 1 cluster');
    });
    const { command, arguments: args } = lens.command!;
    assert.equal(command, 'restorable.showReferences');
    await vscode.commands.executeCommand(command, ...args!);
    await vscode.commands.executeCommand('closeReferenceSearch');
  });
});

test('a .restorablerc is YAML, is completed, and says what it does not understand', async () => {
  await withFile('language/.restorablerc', 'severity:\n  weak-cipher-pass: loud\n  \n', async ({ document }) => {
    assert.equal(document.languageId, 'yaml');
    const found = await eventually('the finding', () => findings('language/.restorablerc')[0]);
    assert.equal(code(found), 'settings-file');
    const { items } = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      new vscode.Position(2, 2),
    );
    assert.ok(items.some((it) => it.label === 'missing-retention'));
  });
});

async function withFile(path: string, text: string, act: (editor: vscode.TextEditor) => Promise<void>): Promise<void> {
  await vscode.workspace.fs.writeFile(file(path), Buffer.from(text));
  try {
    const editor = await open(path);
    const end = editor.document.positionAt(text.length);
    editor.selection = new vscode.Selection(end, end);
    await act(editor);
  } finally {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.workspace.fs.delete(file(path));
  }
}

/** Takes the first suggestion at the cursor, as Enter does. */
async function accept({ document }: vscode.TextEditor, isDone: (text: string) => boolean): Promise<void> {
  let tries = 0;
  await eventually('the suggestion', async () => {
    if (isDone(document.getText())) return true;
    // What is asked for before the server has read the file has no answer.
    if (tries++ % 20 === 0) await vscode.commands.executeCommand('editor.action.triggerSuggest');
    await vscode.commands.executeCommand('acceptSelectedSuggestion');
    return undefined;
  });
}
