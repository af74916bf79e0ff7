import * as vscode from 'vscode';
import { eventually } from './test.ts';

/** The URI of a file of the test's workspace. */
export function file(path: string): vscode.Uri {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder) throw new Error('no workspace folder is open');
  return vscode.Uri.joinPath(folder.uri, path);
}

/** Opens a file of the workspace in an editor. */
export async function open(path: string): Promise<vscode.TextEditor> {
  return await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(file(path)));
}

/** Our findings for a file, in the order of their places. */
export function findings(path: string): vscode.Diagnostic[] {
  return vscode.languages
    .getDiagnostics(file(path))
    .filter((it) => it.source === 'restorable')
    .sort((a, b) => a.range.start.compareTo(b.range.start));
}

/** The id of the rule that made a finding. */
export function code({ code: it }: vscode.Diagnostic): string {
  return String(typeof it === 'object' && it !== null ? it.value : it);
}

/** The quick fix with such a title for the first finding of a rule, once both are there. */
export async function quickFix(document: vscode.TextDocument, rule: string, title: RegExp): Promise<vscode.CodeAction> {
  const path = vscode.workspace.asRelativePath(document.uri);
  const found = await eventually(`${rule} in ${path}`, () => findings(path).find((it) => code(it) === rule));
  return await eventually('a quick fix', async () => {
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      found.range,
      vscode.CodeActionKind.QuickFix.value,
      10,
    );
    return actions.find((it) => it.edit && title.test(it.title));
  });
}
