import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { hand } from './hand.ts';
import { eventually, test } from './test.ts';
import { code, file, findings, open } from './workspace.ts';

const path = 'percona-secret.yaml';
const decodedIn = (text: string) => Buffer.from(text.match(/s3\.conf: (\S+)/)![1]!, 'base64').toString();
const onDisk = async () => Buffer.from(await vscode.workspace.fs.readFile(file(path))).toString();

/** Every file of VS Code's own folders that holds the text. */
async function filesWith(text: string): Promise<string[]> {
  const home = dirname(process.env.RESTORABLE_EDITOR_WORKSPACE!);
  const found: string[] = [];
  const go = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const at = join(folder, entry.name);
      if (entry.isDirectory()) await go(at);
      else if (entry.isFile() && (await readFile(at).catch(() => Buffer.alloc(0))).includes(text)) found.push(at);
    }
  };
  await go(join(home, 'user-data'));
  return found;
}

async function openDecoded(): Promise<vscode.TextDocument> {
  const { document } = await open(path);
  const at = document.positionAt(document.getText().indexOf('s3.conf'));
  await vscode.commands.executeCommand('restorable.editDecoded', {
    uri: document.uri.toString(),
    position: { line: at.line, character: at.character },
  });
  return await eventually('the decoded entry', () => {
    const active = vscode.window.activeTextEditor?.document;
    return active?.uri.scheme === 'restorable-entry' ? active : undefined;
  });
}

async function insert(document: vscode.TextDocument, text: string): Promise<void> {
  const edit = new vscode.WorkspaceEdit();
  edit.insert(document.uri, new vscode.Position(document.lineCount, 0), text);
  assert.ok(await vscode.workspace.applyEdit(edit));
}

test('an entry in base64 is edited as the configuration that it is, and saved in its own form', async () => {
  const before = await onDisk();
  const document = await openDecoded();
  assert.equal(document.languageId, 'pgbackrest-conf');
  assert.equal(document.getText(), decodedIn(before));
  const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
    'vscode.executeHoverProvider',
    document.uri,
    new vscode.Position(1, 3),
  );
  const said = hovers.flatMap((it) => it.contents as vscode.MarkdownString[]).map((it) => it.value);
  assert.match(said.join(), /repo2-s3-key/);
  assert.doesNotMatch(said.join(), /Not in force/, 'the cluster that mounts the Secret says that repo2 is on S3');
  const found = await eventually('its findings', () => {
    const all = vscode.languages.getDiagnostics(document.uri);
    return all.length > 0 ? all : undefined;
  });
  const wanted = findings(path).map(code);
  for (const it of found) assert.ok(wanted.includes(code(it)));
  await hand('screenshot', { name: 'edit-decoded' });

  await insert(document, '# typed by hand\n');
  const host = vscode.workspace.textDocuments.find((it) => it.uri.path === file(path).path)!;
  await eventually('the host', () => decodedIn(host.getText()).endsWith('# typed by hand\n'));
  assert.equal(await onDisk(), before, 'the file is written when the user saves, and not before');
  await vscode.window.showTextDocument(document);
  await vscode.commands.executeCommand('workbench.action.files.save');
  const after = await eventually('the file', async () => ((await onDisk()) !== before ? await onDisk() : undefined));
  assert.equal(decodedIn(after), `${decodedIn(before)}# typed by hand\n`);
  assert.equal(after.replace(/s3\.conf: \S+/, ''), before.replace(/s3\.conf: \S+/, ''));

  // A change in the host shows in what is open of it.
  const edit = new vscode.WorkspaceEdit();
  edit.replace(host.uri, new vscode.Range(0, 0, host.lineCount, 0), before);
  await vscode.workspace.applyEdit(edit);
  await eventually('the old text', () => document.getText() === decodedIn(before));
  await host.save();
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('what is edited decoded never reaches the disk in clear, not as a backup either', async () => {
  const settings = vscode.workspace.getConfiguration('files');
  await settings.update('hotExit', 'onExitAndWindowClose', vscode.ConfigurationTarget.Global);
  const before = await onDisk();
  try {
    // The control: what is unsaved elsewhere is backed up, so that we would see it.
    const control = await vscode.workspace.openTextDocument({ content: '' });
    await vscode.window.showTextDocument(control);
    await insert(control, 'control-text-that-is-backed-up');
    const document = await openDecoded();
    for (let i = 0; i < 12; i++) {
      await insert(document, `# never-to-be-written-in-clear ${i}\n`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    const backups = await eventually('the backup of the control', async () => {
      const found = await filesWith('control-text-that-is-backed-up');
      return found.length > 0 ? found : undefined;
    });
    assert.ok(backups.some((it) => it.includes('Backups')));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assert.deepEqual(await filesWith('never-to-be-written-in-clear'), []);
  } finally {
    await settings.update('hotExit', 'off', vscode.ConfigurationTarget.Global);
    const host = await vscode.workspace.openTextDocument(file(path));
    const edit = new vscode.WorkspaceEdit();
    edit.replace(host.uri, new vscode.Range(0, 0, host.lineCount, 0), before);
    await vscode.workspace.applyEdit(edit);
    await host.save();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    for (const it of vscode.window.tabGroups.all.flatMap((group) => group.tabs)) {
      if (it.isDirty) await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    }
  }
});

test('a new Secret from an entry that is edited decoded is proposed beside the files of the workspace', async () => {
  await openDecoded();
  const running = vscode.commands.executeCommand('restorable.generateKey', {
    kind: 'pgbackrest',
    destination: 'secret',
  });
  await hand('waitFor', { selector: '.quick-input-title:has-text("New Secret")' });
  const folder = vscode.workspace.workspaceFolders![0]!.uri.fsPath;
  await eventually('a name in the workspace', async () => {
    const proposed = await hand<string>('value', { selector: '.quick-input-widget input.input' });
    return proposed.startsWith(folder) && proposed.endsWith('.yaml');
  });
  await hand('press', { key: 'Escape' });
  await running;
  await vscode.commands.executeCommand('workbench.action.closeAllEditors');
});

test('a lens over base64 offers to edit it decoded', async () => {
  const { document } = await open(path);
  const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
    'vscode.executeCodeLensProvider',
    document.uri,
    100,
  );
  assert.ok(lenses.some((it) => it.command?.command === 'restorable.editDecoded'));
});
